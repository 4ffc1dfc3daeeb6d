//! The people of a demo clinic: Brazilian names, valid documents, phones that belong to nobody.

use contacts::people::service;
use contacts::people::{ContactError, CreateContact};
use db::Db;
use fake::Fake;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::PT_BR;
use kernel::System;
use kernel::documents::Cpf;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::practice::refused;
use super::{DemoClinic, DemoError, contact_count};

/// How many people a demo clinic has.
const PEOPLE: usize = 160;

/// Makes the people, in one transaction, unless they are there; gives how many were made.
pub(super) async fn ensure(
    db: &Db,
    caller: &System,
    clinic: DemoClinic,
    random: &mut StdRng,
) -> Result<usize, DemoError> {
    if contact_count(db, caller).await? > 0 {
        return Ok(0);
    }
    let now = db.clock().now();
    let people = (0..PEOPLE)
        .map(|index| person(index, clinic, random))
        .collect::<Result<Vec<_>, DemoError>>()?;
    let checked = people
        .into_iter()
        .map(|person| person.checked(now))
        .collect::<Result<Vec<_>, _>>()?;
    db.write(caller, async |tx| {
        for contact in &checked {
            service::create(tx, contact).await.map_err(from_contact)?;
        }
        Ok::<_, DemoError>(checked.len())
    })
    .await
}

fn from_contact(error: ContactError) -> DemoError {
    match error {
        ContactError::Database(error) => DemoError::Database(error),
        other => refused(other),
    }
}

fn person(index: usize, clinic: DemoClinic, random: &mut StdRng) -> Result<CreateContact, DemoError> {
    let first: String = FirstName(PT_BR).fake_with_rng(random);
    let middle: String = LastName(PT_BR).fake_with_rng(random);
    let last: String = LastName(PT_BR).fake_with_rng(random);
    let is_lead = index % 12 == 11;
    let year = random.random_range(1938..2024);
    let birth_date = format!(
        "{year}-{:02}-{:02}",
        random.random_range(1..=12),
        random.random_range(1..=28)
    );
    // The fourth digit after 9 is 0: no operator gives such numbers out.
    let phone = format!("+55{}90{:07}", clinic.area_code, random.random_range(0..10_000_000));
    let cpf = Cpf::complete(&format!("{:09}", random.random_range(100_000_000..999_999_999))).map_err(refused)?;
    Ok(CreateContact {
        name: format!("{first} {middle} {last}"),
        kind: Some(if is_lead { "lead" } else { "patient" }.to_owned()),
        birth_date: (!is_lead).then_some(birth_date),
        sex: Some(if random.random_bool(0.55) { "female" } else { "male" }.to_owned()),
        tax_id: (!is_lead).then(|| cpf.as_str().to_owned()),
        phone: (!index.is_multiple_of(17)).then_some(phone),
        email: index
            .is_multiple_of(3)
            .then(|| format!("pessoa{index}@{}.example", clinic.slug)),
        tags: match index % 9 {
            0 => Some(vec!["hipertensão".to_owned()]),
            4 => Some(vec!["retorno pendente".to_owned()]),
            _ => None,
        },
        source: Some(
            if index.is_multiple_of(2) {
                "recommendation"
            } else {
                "instagram"
            }
            .to_owned(),
        ),
        ..CreateContact::default()
    })
}
