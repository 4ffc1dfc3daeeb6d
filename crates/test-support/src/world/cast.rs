//! Who and what is in the world.

use kernel::Role;

/// What has a key by which tests name it.
pub(super) trait Keyed {
    fn key(&self) -> &'static str;
}

macro_rules! keyed {
    ($($kind:ty),+) => {$(
        impl Keyed for $kind {
            fn key(&self) -> &'static str {
                self.key
            }
        }
    )+};
}

keyed!(Clinic, Member, Practitioner, Room, Service, Contact, Appointment);

/// Everybody's password.
pub const PASSWORD: &str = "demo-taskmed-2026";

pub(super) struct Clinic {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) zone: &'static str,
    pub(super) cnpj: &'static str,
}

pub(super) const CLINICS: &[Clinic] = &[
    Clinic {
        key: "aurora",
        name: "Clínica Aurora",
        zone: "America/Sao_Paulo",
        cnpj: "11222333000181",
    },
    Clinic {
        key: "horizonte",
        name: "Clínica Horizonte",
        zone: "America/Manaus",
        cnpj: "12ABC34501DE35",
    },
];

/// Somebody who signs in; the part of the key after `@` is the clinic, and with `.example` the e-mail address.
pub(super) struct Member {
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) roles: &'static [Role],
}

/// `director` holds every permission there is.
pub(super) const MEMBERS: &[Member] = &[
    Member {
        key: "owner@aurora",
        name: "Helena Prado",
        roles: &[Role::Owner],
    },
    Member {
        key: "admin@aurora",
        name: "Rui Campos",
        roles: &[Role::Admin],
    },
    Member {
        key: "practitioner@aurora",
        name: "Beatriz Lima",
        roles: &[Role::Practitioner],
    },
    Member {
        key: "reception@aurora",
        name: "Tiago Reis",
        roles: &[Role::Receptionist],
    },
    Member {
        key: "billing@aurora",
        name: "Sônia Dias",
        roles: &[Role::Billing],
    },
    Member {
        key: "auditor@aurora",
        name: "Ivo Nunes",
        roles: &[Role::Auditor],
    },
    Member {
        key: "director@aurora",
        name: "Clara Moura",
        roles: &[Role::Owner, Role::Practitioner],
    },
    Member {
        key: "owner@horizonte",
        name: "Otávio Braga",
        roles: &[Role::Owner],
    },
    Member {
        key: "admin@horizonte",
        name: "Nara Pinto",
        roles: &[Role::Admin],
    },
    Member {
        key: "practitioner@horizonte",
        name: "Davi Alves",
        roles: &[Role::Practitioner],
    },
    Member {
        key: "reception@horizonte",
        name: "Lívia Rocha",
        roles: &[Role::Receptionist],
    },
    Member {
        key: "billing@horizonte",
        name: "Caio Melo",
        roles: &[Role::Billing],
    },
    Member {
        key: "auditor@horizonte",
        name: "Zélia Torres",
        roles: &[Role::Auditor],
    },
    Member {
        key: "director@horizonte",
        name: "Joana Brito",
        roles: &[Role::Owner, Role::Practitioner],
    },
];

pub(super) struct Practitioner {
    pub(super) key: &'static str,
    pub(super) clinic: &'static str,
    pub(super) name: &'static str,
    pub(super) member: Option<&'static str>,
    pub(super) council_number: &'static str,
    pub(super) council_state: &'static str,
    pub(super) services: &'static [&'static str],
}

pub(super) const PRACTITIONERS: &[Practitioner] = &[
    Practitioner {
        key: "dr-lima",
        clinic: "aurora",
        name: "Beatriz Lima",
        member: Some("practitioner@aurora"),
        council_number: "123456",
        council_state: "SP",
        services: &["consulta", "exame"],
    },
    Practitioner {
        key: "dr-souza",
        clinic: "aurora",
        name: "Marcos Souza",
        member: None,
        council_number: "654321",
        council_state: "SP",
        services: &["consulta"],
    },
    Practitioner {
        key: "dr-alves",
        clinic: "horizonte",
        name: "Davi Alves",
        member: Some("practitioner@horizonte"),
        council_number: "4321",
        council_state: "AM",
        services: &["avaliacao", "retorno"],
    },
    Practitioner {
        key: "dr-nunes",
        clinic: "horizonte",
        name: "Rita Nunes",
        member: None,
        council_number: "1234",
        council_state: "AM",
        services: &["avaliacao"],
    },
];

pub(super) struct Room {
    pub(super) key: &'static str,
    pub(super) clinic: &'static str,
    pub(super) name: &'static str,
}

pub(super) const ROOMS: &[Room] = &[
    Room {
        key: "consultorio-1",
        clinic: "aurora",
        name: "Consultório 1",
    },
    Room {
        key: "consultorio-2",
        clinic: "aurora",
        name: "Consultório 2",
    },
    Room {
        key: "sala-azul",
        clinic: "horizonte",
        name: "Sala azul",
    },
    Room {
        key: "sala-verde",
        clinic: "horizonte",
        name: "Sala verde",
    },
];

pub(super) struct Service {
    pub(super) key: &'static str,
    pub(super) clinic: &'static str,
    pub(super) name: &'static str,
    pub(super) minutes: i32,
    /// Before and after, in minutes.
    pub(super) buffers: (i32, i32),
    pub(super) needs_room: bool,
    pub(super) price_cents: i64,
}

pub(super) const SERVICES: &[Service] = &[
    Service {
        key: "consulta",
        clinic: "aurora",
        name: "Consulta",
        minutes: 30,
        buffers: (0, 0),
        needs_room: false,
        price_cents: 25_000,
    },
    Service {
        key: "exame",
        clinic: "aurora",
        name: "Exame",
        minutes: 45,
        buffers: (5, 10),
        needs_room: true,
        price_cents: 40_000,
    },
    Service {
        key: "avaliacao",
        clinic: "horizonte",
        name: "Avaliação",
        minutes: 60,
        buffers: (0, 0),
        needs_room: false,
        price_cents: 18_000,
    },
    Service {
        key: "retorno",
        clinic: "horizonte",
        name: "Retorno",
        minutes: 20,
        buffers: (0, 0),
        needs_room: true,
        price_cents: 0,
    },
];

pub(super) struct Contact {
    pub(super) key: &'static str,
    pub(super) clinic: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) birth_date: Option<&'static str>,
    pub(super) cpf: Option<&'static str>,
    pub(super) email: Option<&'static str>,
    /// E.164, and the form under which variants of one number are the same.
    pub(super) phone: Option<(&'static str, &'static str)>,
}

pub(super) const CONTACTS: &[Contact] = &[
    Contact {
        key: "maria",
        clinic: "aurora",
        name: "Maria da Conceição Silva",
        kind: "patient",
        birth_date: Some("1984-03-12"),
        cpf: Some("52998224725"),
        email: Some("maria.silva@example.com"),
        phone: Some(("+5511987654321", "+551187654321")),
    },
    Contact {
        key: "joao",
        clinic: "aurora",
        name: "João Pereira",
        kind: "patient",
        birth_date: Some("1950-07-30"),
        cpf: Some("11144477735"),
        email: None,
        phone: Some(("+551132654321", "+551132654321")),
    },
    Contact {
        key: "ana",
        clinic: "aurora",
        name: "Ana Beatriz Costa",
        kind: "lead",
        birth_date: None,
        cpf: None,
        email: Some("ana.costa@example.com"),
        phone: None,
    },
    Contact {
        key: "pedro",
        clinic: "horizonte",
        name: "Pedro Henrique Farias",
        kind: "patient",
        birth_date: Some("1992-11-02"),
        cpf: Some("52998224725"),
        email: Some("pedro.farias@example.com"),
        phone: Some(("+5592991234567", "+559291234567")),
    },
    Contact {
        key: "lucia",
        clinic: "horizonte",
        name: "Lúcia Barros",
        kind: "patient",
        birth_date: Some("1975-01-20"),
        cpf: None,
        email: None,
        phone: None,
    },
];

pub(super) struct Appointment {
    pub(super) key: &'static str,
    pub(super) clinic: &'static str,
    pub(super) contact: &'static str,
    pub(super) practitioner: &'static str,
    pub(super) service: &'static str,
    pub(super) starts_at: &'static str,
    pub(super) minutes: i64,
    pub(super) status: &'static str,
}

pub(super) const APPOINTMENTS: &[Appointment] = &[
    Appointment {
        key: "maria-monday",
        clinic: "aurora",
        contact: "maria",
        practitioner: "dr-lima",
        service: "consulta",
        starts_at: "2026-11-23T10:00:00-03:00",
        minutes: 30,
        status: "scheduled",
    },
    Appointment {
        key: "joao-monday",
        clinic: "aurora",
        contact: "joao",
        practitioner: "dr-lima",
        service: "consulta",
        starts_at: "2026-11-23T11:00:00-03:00",
        minutes: 30,
        status: "confirmed",
    },
    Appointment {
        key: "maria-done",
        clinic: "aurora",
        contact: "maria",
        practitioner: "dr-souza",
        service: "consulta",
        starts_at: "2026-11-19T15:00:00-03:00",
        minutes: 30,
        status: "completed",
    },
    Appointment {
        key: "pedro-monday",
        clinic: "horizonte",
        contact: "pedro",
        practitioner: "dr-alves",
        service: "avaliacao",
        starts_at: "2026-11-23T10:00:00-04:00",
        minutes: 60,
        status: "scheduled",
    },
];
