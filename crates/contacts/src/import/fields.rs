//! The fields of a person that a column may hold, and the headings they go by.

use tabular::Field;

/// A column mapped to this and a name becomes one of the clinic's own fields: `custom_fields.plan`.
pub const OPEN_PREFIX: &str = "custom_fields.";

const fn field(name: &'static str, headings: &'static [&'static str]) -> Field {
    Field {
        name,
        headings,
        required: false,
    }
}

/// Every field a column may hold.
pub const FIELDS: &[Field] = &[
    Field {
        name: "name",
        headings: &[
            "nome",
            "nome completo",
            "nome do paciente",
            "paciente",
            "cliente",
            "full name",
            "patient",
            "patient name",
        ],
        required: true,
    },
    field("social_name", &["nome social", "apelido", "preferred name"]),
    field("kind", &["tipo", "type"]),
    field("status", &["situação", "estado do cadastro"]),
    field("email", &["e-mail", "e-mails", "correio eletrônico", "email address"]),
    field(
        "phone",
        &[
            "telefone",
            "telefones",
            "celular",
            "fone",
            "whatsapp",
            "telefone 1",
            "tel",
            "mobile",
            "phone number",
            "cell phone",
        ],
    ),
    field(
        "phone_2",
        &[
            "telefone 2",
            "celular 2",
            "telefone residencial",
            "outro telefone",
            "other_phones",
            "home phone",
        ],
    ),
    field(
        "phone_3",
        &["telefone 3", "telefone comercial", "telefone do trabalho", "work phone"],
    ),
    field(
        "birth_date",
        &[
            "data de nascimento",
            "nascimento",
            "dt nascimento",
            "data nasc",
            "dt nasc",
            "date of birth",
            "birthday",
            "dob",
        ],
    ),
    field("age", &["idade"]),
    field("sex", &["sexo", "gênero", "gender"]),
    field("tax_id", &["cpf", "cpf do paciente", "documento cpf"]),
    field(
        "national_health_id",
        &[
            "cns",
            "cartão sus",
            "cartão nacional de saúde",
            "nº do cartão sus",
            "número do cns",
        ],
    ),
    field(
        "street",
        &["endereço", "logradouro", "rua", "address", "address_street"],
    ),
    field(
        "number",
        &["número", "nº", "número do endereço", "street number", "address_number"],
    ),
    field("complement", &["complemento", "address_complement"]),
    field(
        "district",
        &["bairro", "neighborhood", "neighbourhood", "address_district"],
    ),
    field("city", &["cidade", "município", "address_city"]),
    field("state", &["uf", "estado", "address_state"]),
    field(
        "postal_code",
        &["cep", "zip", "zip code", "postcode", "address_postal_code"],
    ),
    field("country", &["país", "address_country"]),
    field("tags", &["etiquetas", "marcadores", "labels"]),
    field("guardian_name", &["responsável", "nome do responsável", "guardian"]),
    field(
        "insurer",
        &["convênio", "plano de saúde", "plano", "operadora", "insurance"],
    ),
    field(
        "insurance_card_number",
        &[
            "carteirinha",
            "número da carteirinha",
            "nº da carteirinha",
            "carteira do convênio",
            "insurance card",
        ],
    ),
    field("source", &["origem", "como conheceu", "canal"]),
    field("custom_fields", &["campos personalizados"]),
];

#[cfg(test)]
mod tests {
    use tabular::Mapping;

    use super::*;

    #[test]
    fn no_heading_means_two_fields() {
        for field in FIELDS {
            let headings: Vec<String> = std::iter::once(field.name)
                .chain(field.headings.iter().copied())
                .map(str::to_owned)
                .collect();
            for heading in headings {
                let file = if field.name == "name" {
                    vec![heading.clone()]
                } else {
                    vec!["name".to_owned(), heading.clone()]
                };
                let mapping = Mapping::new(&file, FIELDS, None, &[]).unwrap();
                assert_eq!(mapping.heading(field.name), Some(heading.as_str()), "{heading}");
                assert_eq!(mapping.columns().count(), file.len());
            }
        }
    }
}
