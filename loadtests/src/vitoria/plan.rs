//! Makes clinics of the recorded appointments: what is to be written, complete and without contradiction.

use std::collections::{BTreeMap, HashMap};

use chrono::{Days, Months, NaiveDate};
use kernel::documents::Cpf;
use kernel::fold::fold;
use kernel::text::{InvalidSlug, Slug};
use kernel::{
    AppointmentId, ClinicId, ContactId, OpeningHoursId, PractitionerId, RoomId, ServiceId, TimeSlot, Timestamp, Zone,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;

use super::invented;
use super::layout::{HOURS, lay_out, practitioners_for, slot_of};
use super::record::{Record, Sex};

/// The zone of Vitória.
pub const ZONE: &str = "America/Sao_Paulo";
/// How the slug of every clinic begins.
pub const SLUG_PREFIX: &str = "vitoria-";

/// A practitioner and the room that is theirs.
#[derive(Debug, Clone)]
pub struct Practitioner {
    /// The id.
    pub id: PractitionerId,
    /// An invented name.
    pub name: String,
    /// The number in the register of physicians.
    pub council_number: String,
    /// The room that they work in.
    pub room: RoomId,
    /// The room's name.
    pub room_name: String,
}

/// When the clinic is open on a day of the week.
#[derive(Debug, Clone, Copy)]
pub struct OpeningHours {
    /// The id.
    pub id: OpeningHoursId,
    /// The day: Monday is 1 (ISO 8601).
    pub weekday: u8,
    /// The hour, on the wall clock.
    pub opens: u32,
    /// The hour, on the wall clock.
    pub closes: u32,
}

/// A person of one clinic.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id.
    pub id: ContactId,
    /// The number in the file.
    pub patient: u64,
    /// An invented name.
    pub name: String,
    /// The sex.
    pub sex: Sex,
    /// A day that fits every age that was recorded, where there is one.
    pub birth_date: NaiveDate,
    /// An invented CPF.
    pub cpf: Option<Cpf>,
    /// An invented number in E.164, and its kind.
    pub phone: Option<(String, &'static str)>,
    /// What was recorded of the person.
    pub tags: Vec<&'static str>,
    /// How many disabilities were recorded.
    pub handicaps: u8,
    /// When the first appointment was made.
    pub created_at: Timestamp,
}

/// An appointment with practitioner and time.
#[derive(Debug, Clone)]
pub struct Appointment {
    /// The id.
    pub id: AppointmentId,
    /// The number in the file.
    pub number: u64,
    /// Who came, or should have.
    pub contact: ContactId,
    /// The practitioner, as a place in [`Clinic::practitioners`].
    pub practitioner: usize,
    /// When.
    pub slot: TimeSlot,
    /// Whether the person stayed away.
    pub no_show: bool,
    /// Whether a reminder was sent.
    pub sms: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A clinic: one neighbourhood.
#[derive(Debug, Clone)]
pub struct Clinic {
    /// The id.
    pub id: ClinicId,
    /// The slug.
    pub slug: Slug,
    /// The name.
    pub name: String,
    /// The one service.
    pub service: ServiceId,
    /// When it is open.
    pub hours: Vec<OpeningHours>,
    /// Who works there.
    pub practitioners: Vec<Practitioner>,
    /// Who comes.
    pub people: Vec<Person>,
    /// The agenda.
    pub appointments: Vec<Appointment>,
}

/// All clinics.
#[derive(Debug, Default)]
pub struct Plan {
    /// In the order of their slugs.
    pub clinics: Vec<Clinic>,
    /// How many people have ages that no one birth date explains.
    pub contradictory_ages: u64,
}

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A neighbourhood's name gives no slug.
    #[error("the neighbourhood {0:?} gives no slug: it {1}")]
    Slug(String, InvalidSlug),
    /// The zone is not known, or a day lies outside the calendar.
    #[error("the appointments of {0} have no time on the clock of {ZONE}")]
    Time(NaiveDate),
}

impl Plan {
    /// The plan of `records`; the same `seed` gives the same plan.
    ///
    /// # Errors
    /// [`PlanError`] when a neighbourhood's name or a day cannot be used.
    pub fn new(records: &[Record], seed: u64) -> Result<Self, PlanError> {
        let mut neighbourhoods: BTreeMap<String, Vec<&Record>> = BTreeMap::new();
        for record in records {
            neighbourhoods
                .entry(slug_text(&record.neighbourhood))
                .or_default()
                .push(record);
        }
        let mut planner = Planner {
            random: StdRng::seed_from_u64(seed),
            people: 0,
            practitioners: 0,
            plan: Self::default(),
        };
        for (slug, records) in neighbourhoods {
            if let Some(first) = records.first() {
                let clinic = planner.clinic(&slug, first, &records)?;
                planner.plan.clinics.push(clinic);
            }
        }
        Ok(planner.plan)
    }

    /// How many people there are.
    #[must_use]
    pub fn people(&self) -> usize {
        self.clinics.iter().map(|clinic| clinic.people.len()).sum()
    }

    /// How many appointments there are.
    #[must_use]
    pub fn appointments(&self) -> usize {
        self.clinics.iter().map(|clinic| clinic.appointments.len()).sum()
    }
}

/// What is drawn from and counted while the plan is made.
struct Planner {
    random: StdRng,
    people: u64,
    practitioners: u32,
    plan: Plan,
}

impl Planner {
    fn clinic(&mut self, slug: &str, first: &Record, records: &[&Record]) -> Result<Clinic, PlanError> {
        let slug = Slug::parse(slug).map_err(|error| PlanError::Slug(first.neighbourhood.clone(), error))?;
        let opened = records
            .iter()
            .map(|record| record.scheduled_at)
            .fold(first.scheduled_at, Timestamp::min);
        let mut days: BTreeMap<NaiveDate, Vec<&Record>> = BTreeMap::new();
        for record in records {
            days.entry(record.day).or_default().push(record);
        }
        let busiest = days.values().map(Vec::len).max().unwrap_or(0);
        let practitioners: Vec<_> = (1..=practitioners_for(busiest))
            .map(|number| self.practitioner(number, opened))
            .collect();
        let people = self.people(records);
        let ids: HashMap<u64, ContactId> = people.iter().map(|person| (person.patient, person.id)).collect();
        let mut appointments = Vec::with_capacity(records.len());
        for (day, records) in &days {
            appointments.extend(self.day(*day, records, practitioners.len(), &ids)?);
        }
        Ok(Clinic {
            id: ClinicId::from_uuid(self.id(opened)),
            slug,
            name: format!("Unidade de Saúde {}", title(&first.neighbourhood)),
            service: ServiceId::from_uuid(self.id(opened)),
            hours: self.hours(opened),
            practitioners,
            people,
            appointments,
        })
    }

    fn practitioner(&mut self, number: usize, opened: Timestamp) -> Practitioner {
        self.practitioners = self.practitioners.saturating_add(1);
        let sex = if self.random.random_bool(0.5) {
            Sex::Female
        } else {
            Sex::Male
        };
        Practitioner {
            id: PractitionerId::from_uuid(self.id(opened)),
            name: invented::name(sex, &mut self.random),
            council_number: (10_000_u32.saturating_add(self.practitioners)).to_string(),
            room: RoomId::from_uuid(self.id(opened)),
            room_name: format!("Consultório {number}"),
        }
    }

    /// Monday to Saturday: the file has appointments on a Saturday.
    fn hours(&mut self, opened: Timestamp) -> Vec<OpeningHours> {
        (1..=6_u8)
            .flat_map(|weekday| HOURS.map(|(opens, closes)| (weekday, opens, closes)))
            .map(|(weekday, opens, closes)| OpeningHours {
                id: OpeningHoursId::from_uuid(self.id(opened)),
                weekday,
                opens,
                closes,
            })
            .collect()
    }

    /// The people of `records`, each once, in the order of their numbers.
    fn people(&mut self, records: &[&Record]) -> Vec<Person> {
        let mut visits: BTreeMap<u64, Vec<&Record>> = BTreeMap::new();
        for record in records {
            visits.entry(record.patient).or_default().push(record);
        }
        visits
            .into_iter()
            .filter_map(|(patient, visits)| self.person(patient, &visits))
            .collect()
    }

    fn person(&mut self, patient: u64, visits: &[&Record]) -> Option<Person> {
        let first = visits.iter().min_by_key(|record| record.scheduled_at)?;
        let any = |recorded: fn(&Record) -> bool| visits.iter().any(|record| recorded(record));
        let tags = [
            ("Bolsa Família", any(|record| record.scholarship)),
            ("Hipertensão", any(|record| record.hypertension)),
            ("Diabetes", any(|record| record.diabetes)),
            ("Alcoolismo", any(|record| record.alcoholism)),
        ];
        let serial = self.people;
        self.people = self.people.saturating_add(1);
        Some(Person {
            id: ContactId::from_uuid(self.id(first.scheduled_at)),
            patient,
            name: invented::name(first.sex, &mut self.random),
            sex: first.sex,
            birth_date: self.birth_date(visits)?,
            cpf: invented::cpf(serial),
            phone: invented::phone(&mut self.random),
            tags: tags
                .into_iter()
                .filter_map(|(tag, is_so)| is_so.then_some(tag))
                .collect(),
            handicaps: visits.iter().map(|record| record.handicaps).max().unwrap_or(0),
            created_at: first.scheduled_at,
        })
    }

    /// A day on which somebody was born who had every recorded age on the day of the visit; where there is none, one that
    /// fits the first visit.
    fn birth_date(&mut self, visits: &[&Record]) -> Option<NaiveDate> {
        let mut spans = visits.iter().filter_map(|record| birth_span(record.day, record.age));
        let first = spans.next()?;
        let (earliest, latest) = spans.fold(first, |(from, until), (other_from, other_until)| {
            (from.max(other_from), until.min(other_until))
        });
        let (earliest, latest) = if earliest > latest {
            self.plan.contradictory_ages = self.plan.contradictory_ages.saturating_add(1);
            first
        } else {
            (earliest, latest)
        };
        let days = latest.signed_duration_since(earliest).num_days().unsigned_abs();
        earliest.checked_add_days(Days::new(self.random.random_range(0..=days)))
    }

    fn day(
        &mut self,
        day: NaiveDate,
        records: &[&Record],
        practitioners: usize,
        ids: &HashMap<u64, ContactId>,
    ) -> Result<Vec<Appointment>, PlanError> {
        let zone: Zone = ZONE.parse().map_err(|_unknown| PlanError::Time(day))?;
        let visitors: Vec<u64> = records.iter().map(|record| record.patient).collect();
        let places = lay_out(&visitors, practitioners);
        records
            .iter()
            .zip(places)
            .map(|(record, place)| {
                let slot = slot_of(place.step, day, zone);
                let contact = ids.get(&record.patient);
                let (Some(slot), Some(contact)) = (slot, contact) else {
                    return Err(PlanError::Time(day));
                };
                Ok(Appointment {
                    id: AppointmentId::from_uuid(self.id(record.scheduled_at)),
                    number: record.appointment,
                    contact: *contact,
                    practitioner: place.practitioner,
                    slot,
                    no_show: record.no_show,
                    sms: record.sms,
                    created_at: record.scheduled_at,
                })
            })
            .collect()
    }

    fn id(&mut self, at: Timestamp) -> Uuid {
        invented::id(at, &mut self.random)
    }
}

/// The days, both included, on which somebody was born who is `age` years old on `day`.
fn birth_span(day: NaiveDate, age: u8) -> Option<(NaiveDate, NaiveDate)> {
    let years = |count: u32| day.checked_sub_months(Months::new(count.checked_mul(12)?));
    let earliest = years(u32::from(age).saturating_add(1))?.succ_opt()?;
    Some((earliest, years(age.into())?))
}

fn slug_text(neighbourhood: &str) -> String {
    let plain: String = fold(neighbourhood)
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' })
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    format!("{SLUG_PREFIX}{}", words.join("-"))
}

/// `JARDIM DA PENHA` as `Jardim da Penha`.
fn title(name: &str) -> String {
    let words = name.split_whitespace().map(|word| {
        let lower = word.to_lowercase();
        if matches!(lower.as_str(), "da" | "das" | "de" | "do" | "dos" | "e") {
            return lower;
        }
        let mut letters = lower.chars();
        letters
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn record(appointment: u64, patient: u64, day: u32, age: u8) -> Record {
        Record {
            patient,
            appointment,
            sex: Sex::Female,
            scheduled_at: "2016-04-28T18:38:08Z".parse().unwrap(),
            day: NaiveDate::from_ymd_opt(2016, 5, day).unwrap(),
            age,
            neighbourhood: "RESISTÊNCIA".to_owned(),
            scholarship: false,
            hypertension: false,
            diabetes: false,
            alcoholism: false,
            handicaps: 0,
            sms: false,
            no_show: false,
        }
    }

    #[test]
    fn a_neighbourhood_is_a_clinic() {
        let other = Record {
            neighbourhood: "ILHAS OCEÂNICAS DE TRINDADE".to_owned(),
            ..record(2, 2, 2, 30)
        };
        let plan = Plan::new(&[record(1, 1, 2, 30), other, record(3, 1, 3, 30)], 1).unwrap();
        let clinics: Vec<_> = plan
            .clinics
            .iter()
            .map(|clinic| {
                (
                    clinic.slug.as_str(),
                    clinic.name.as_str(),
                    clinic.people.len(),
                    clinic.appointments.len(),
                )
            })
            .collect();
        assert_eq!(
            clinics,
            [
                (
                    "vitoria-ilhas-oceanicas-de-trindade",
                    "Unidade de Saúde Ilhas Oceânicas de Trindade",
                    1,
                    1
                ),
                ("vitoria-resistencia", "Unidade de Saúde Resistência", 1, 2),
            ]
        );
    }

    #[test]
    fn what_was_recorded_of_any_visit_is_the_persons() {
        let diabetic = Record {
            diabetes: true,
            handicaps: 2,
            ..record(2, 1, 3, 30)
        };
        let plan = Plan::new(&[record(1, 1, 2, 30), diabetic], 1).unwrap();
        let person = &plan.clinics[0].people[0];
        assert_eq!((person.tags.as_slice(), person.handicaps), (["Diabetes"].as_slice(), 2));
    }

    #[test]
    fn a_birthday_between_two_visits_is_found() {
        let plan = Plan::new(&[record(1, 1, 2, 29), record(2, 1, 4, 30)], 1).unwrap();
        let born = plan.clinics[0].people[0].birth_date;
        assert!(
            born > NaiveDate::from_ymd_opt(1986, 5, 2).unwrap() && born <= NaiveDate::from_ymd_opt(1986, 5, 4).unwrap()
        );
        assert_eq!(plan.contradictory_ages, 0);
        assert_eq!(
            Plan::new(&[record(1, 1, 2, 29), record(2, 1, 4, 40)], 1)
                .unwrap()
                .contradictory_ages,
            1
        );
    }

    proptest! {
        #[test]
        fn no_practitioner_room_or_person_is_taken_twice(
            visits in prop::collection::vec((1_u64..40, 2_u32..5), 1..150), seed in 0_u64..1000,
        ) {
            let records: Vec<Record> =
                visits.iter().zip(1..).map(|((patient, day), number)| record(number, *patient, *day, 30)).collect();
            let plan = Plan::new(&records, seed).unwrap();
            let clinic = &plan.clinics[0];
            prop_assert_eq!(plan.appointments(), records.len());
            let starts: HashSet<_> =
                clinic.appointments.iter().map(|one| (one.practitioner, one.slot.starts_at())).collect();
            prop_assert_eq!(starts.len(), records.len());
            let visits: HashSet<_> =
                clinic.appointments.iter().map(|one| (one.contact, one.slot.starts_at())).collect();
            prop_assert_eq!(visits.len(), records.len());
            let ids: HashSet<_> = clinic.appointments.iter().map(|one| one.id).collect();
            prop_assert_eq!(ids.len(), records.len());
        }
    }
}
