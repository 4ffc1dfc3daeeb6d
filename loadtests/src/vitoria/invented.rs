//! What the file does not tell of people, invented from a seed: names, phones, documents.

use kernel::Timestamp;
use kernel::documents::Cpf;
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use uuid::Uuid;

use super::record::Sex;

const FEMALE: &[&str] = &[
    "Maria",
    "Ana",
    "Francisca",
    "Antônia",
    "Adriana",
    "Juliana",
    "Márcia",
    "Fernanda",
    "Patrícia",
    "Aline",
    "Sandra",
    "Camila",
    "Amanda",
    "Bruna",
    "Jéssica",
    "Letícia",
    "Júlia",
    "Luciana",
    "Vanessa",
    "Mariana",
    "Gabriela",
    "Vera",
    "Vitória",
    "Larissa",
    "Cláudia",
    "Beatriz",
    "Luana",
    "Rita",
    "Sônia",
    "Renata",
    "Eliane",
    "Josefa",
    "Simone",
    "Natália",
    "Cristiane",
    "Carla",
    "Débora",
    "Rosângela",
    "Jaqueline",
    "Rosa",
    "Daniela",
    "Aparecida",
    "Marlene",
    "Terezinha",
    "Raimunda",
    "Andréia",
    "Fabiana",
    "Lúcia",
    "Raquel",
    "Ângela",
    "Helena",
    "Alice",
    "Conceição",
];
const MALE: &[&str] = &[
    "José",
    "João",
    "Antônio",
    "Francisco",
    "Carlos",
    "Paulo",
    "Pedro",
    "Lucas",
    "Luiz",
    "Marcos",
    "Luís",
    "Gabriel",
    "Rafael",
    "Daniel",
    "Marcelo",
    "Bruno",
    "Eduardo",
    "Felipe",
    "Raimundo",
    "Rodrigo",
    "Manoel",
    "Mateus",
    "André",
    "Fernando",
    "Fábio",
    "Leonardo",
    "Gustavo",
    "Guilherme",
    "Leandro",
    "Tiago",
    "Anderson",
    "Ricardo",
    "Márcio",
    "Jorge",
    "Sebastião",
    "Alexandre",
    "Roberto",
    "Edson",
    "Diego",
    "Vítor",
    "Sérgio",
    "Cláudio",
    "Matheus",
    "Thiago",
    "Geraldo",
    "Adriano",
    "Luciano",
    "Júlio",
    "Renato",
    "Alex",
    "Vinícius",
    "Rogério",
    "Samuel",
];
const SURNAMES: &[&str] = &[
    "Silva",
    "Santos",
    "Oliveira",
    "Souza",
    "Rodrigues",
    "Ferreira",
    "Alves",
    "Pereira",
    "Lima",
    "Gomes",
    "Costa",
    "Ribeiro",
    "Martins",
    "Carvalho",
    "Almeida",
    "Lopes",
    "Soares",
    "Fernandes",
    "Vieira",
    "Barbosa",
    "Rocha",
    "Dias",
    "Nascimento",
    "Andrade",
    "Moreira",
    "Nunes",
    "Marques",
    "Machado",
    "Mendes",
    "Freitas",
    "Cardoso",
    "Ramos",
    "Gonçalves",
    "Santana",
    "Teixeira",
    "Araújo",
    "Correia",
    "Pinto",
    "Cavalcanti",
    "Monteiro",
    "Moura",
    "Batista",
    "Campos",
    "Castro",
    "Rezende",
    "Duarte",
    "Coelho",
    "Barros",
    "Farias",
    "Azevedo",
    "Peixoto",
    "Sales",
    "Tavares",
    "Pires",
    "Bastos",
    "Brandão",
    "Fontes",
    "Guimarães",
    "Siqueira",
    "Zanetti",
    "Loureiro",
    "Bortolini",
    "Pimentel",
];

/// A Brazilian name of two to five words.
#[must_use]
pub fn name(sex: Sex, random: &mut StdRng) -> String {
    let given = match sex {
        Sex::Female => FEMALE,
        Sex::Male => MALE,
    };
    let mut words = vec![chosen(given, random)];
    if random.random_bool(0.45) {
        let second = chosen(given, random);
        if !words.contains(&second) {
            words.push(second);
        }
    }
    words.push(chosen(SURNAMES, random));
    if random.random_bool(0.8) {
        if random.random_bool(0.3) {
            words.push("da");
        }
        words.push(chosen(SURNAMES, random));
    }
    words.join(" ")
}

fn chosen(words: &'static [&'static str], random: &mut StdRng) -> &'static str {
    words.choose(random).copied().unwrap_or_default()
}

/// A phone in Vitória's area, in E.164, and its kind in the product's words; one person in twelve has none.
#[must_use]
pub fn phone(random: &mut StdRng) -> Option<(String, &'static str)> {
    match random.random_range(0..12_u8) {
        0 => None,
        1 => Some((
            format!("+55273{:07}", random.random_range(2_000_000..3_999_999_u32)),
            "home",
        )),
        _ => Some((
            format!("+552799{:07}", random.random_range(0..10_000_000_u32)),
            "mobile",
        )),
    }
}

/// The CPF of the person with the number `serial`: valid, and nobody else's.
#[must_use]
pub fn cpf(serial: u64) -> Option<Cpf> {
    const BASES: u64 = 1_000_000_000;
    // Odd and no multiple of five, so it has no factor in common with the number of bases: no base comes twice.
    const STRIDE: u64 = 387_420_489;
    let base = serial.wrapping_add(1).wrapping_mul(STRIDE) % BASES;
    Cpf::complete(&format!("{base:09}")).ok()
}

/// A UUIDv7 (RFC 9562) of the instant, its low bits drawn from the seed.
#[must_use]
pub fn id(at: Timestamp, random: &mut StdRng) -> Uuid {
    let milliseconds = u64::try_from(at.as_datetime().timestamp_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &random.random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use kernel::phone::PhoneNumber;
    use kernel::text::PersonName;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn what_is_invented_is_valid() {
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..500 {
            for sex in [Sex::Female, Sex::Male] {
                let name = name(sex, &mut random);
                assert_eq!(PersonName::parse(&name).unwrap().as_str(), name);
            }
            if let Some((number, kind)) = phone(&mut random) {
                let parsed = PhoneNumber::parse_international(&number).unwrap();
                assert_eq!(
                    (parsed.as_str(), parsed.match_key().as_str()),
                    (number.as_str(), number.as_str())
                );
                assert_eq!(parsed.is_mobile(), kind == "mobile", "{number}");
            }
        }
    }

    #[test]
    fn no_cpf_comes_twice() {
        let cpfs: HashSet<Cpf> = (0..100_000).map(|serial| cpf(serial).unwrap()).collect();
        assert_eq!(cpfs.len(), 100_000);
    }

    #[test]
    fn one_seed_gives_the_same_people() {
        let people = |seed| {
            let mut random = StdRng::seed_from_u64(seed);
            [Sex::Female, Sex::Male].map(|sex| (name(sex, &mut random), phone(&mut random)))
        };
        assert_eq!(people(7), people(7));
        assert_ne!(people(7), people(8));
    }
}
