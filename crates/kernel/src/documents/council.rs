//! A professional's registration with the council of the profession, in a state.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::check_digits::strip;
use crate::{text_column, text_enum};

text_enum! {
    /// The council of a health profession. Only these keep a register that identifies a person; who has no council
    /// has no registration.
    pub enum Council {
        /// Medicine (Conselho Regional de Medicina).
        Crm = "CRM",
        /// Dentistry (Conselho Regional de Odontologia).
        Cro = "CRO",
        /// Nursing (Conselho Regional de Enfermagem).
        Coren = "COREN",
        /// Psychology (Conselho Regional de Psicologia).
        Crp = "CRP",
        /// Physiotherapy and occupational therapy (Conselho Regional de Fisioterapia e Terapia Ocupacional).
        Crefito = "CREFITO",
        /// Nutrition (Conselho Regional de Nutrição).
        Crn = "CRN",
        /// Speech therapy (Conselho Regional de Fonoaudiologia).
        Crfa = "CRFA",
        /// Pharmacy (Conselho Regional de Farmácia).
        Crf = "CRF",
        /// Social work (Conselho Regional de Serviço Social).
        Cress = "CRESS",
        /// Physical education (Conselho Regional de Educação Física).
        Cref = "CREF",
        /// Biomedicine (Conselho Regional de Biomedicina).
        Crbm = "CRBM",
        /// Radiology technology (Conselho Regional de Técnicos em Radiologia).
        Crtr = "CRTR",
    }
    error = InvalidCouncil, code = "unknown_council";
}

text_enum! {
    /// A Brazilian state or the Federal District, by its two letters (ISO 3166-2:BR).
    pub enum StateCode {
        /// Acre.
        Ac = "AC",
        /// Alagoas.
        Al = "AL",
        /// Amapá.
        Ap = "AP",
        /// Amazonas.
        Am = "AM",
        /// Bahia.
        Ba = "BA",
        /// Ceará.
        Ce = "CE",
        /// Distrito Federal.
        Df = "DF",
        /// Espírito Santo.
        Es = "ES",
        /// Goiás.
        Go = "GO",
        /// Maranhão.
        Ma = "MA",
        /// Mato Grosso.
        Mt = "MT",
        /// Mato Grosso do Sul.
        Ms = "MS",
        /// Minas Gerais.
        Mg = "MG",
        /// Pará.
        Pa = "PA",
        /// Paraíba.
        Pb = "PB",
        /// Paraná.
        Pr = "PR",
        /// Pernambuco.
        Pe = "PE",
        /// Piauí.
        Pi = "PI",
        /// Rio de Janeiro.
        Rj = "RJ",
        /// Rio Grande do Norte.
        Rn = "RN",
        /// Rio Grande do Sul.
        Rs = "RS",
        /// Rondônia.
        Ro = "RO",
        /// Roraima.
        Rr = "RR",
        /// Santa Catarina.
        Sc = "SC",
        /// São Paulo.
        Sp = "SP",
        /// Sergipe.
        Se = "SE",
        /// Tocantins.
        To = "TO",
    }
    error = InvalidStateCode, code = "unknown_state";
}

/// Text that is no number of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRegistrationNumber {
    /// Not 1 to 20 characters.
    #[error("a registration number has 1 to 20 characters")]
    Length,
    /// Something but letters, digits and hyphens between them.
    #[error("a registration number has letters A-Z and digits, with hyphens only between them")]
    Characters,
}

impl InvalidRegistrationNumber {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length => "invalid_length",
            Self::Characters => "invalid_characters",
        }
    }
}

text_column! {
    /// A number in a council's register: 1 to 20 capital letters, digits and inner hyphens, such as `123456` (CRM),
    /// `12345-F` (CREFITO) or `06-12345` (CRP).
    #[derive(PartialOrd, Ord)]
    #[schema(min_length = 1, max_length = 20, pattern = "^[0-9A-Z]+(-[0-9A-Z]+)*$", example = "123456")]
    pub struct RegistrationNumber(String);
    error = InvalidRegistrationNumber;
    parse = Self::parse;
    stored = Self::parse;
    debug = |text: &str| text.to_owned();
}

impl RegistrationNumber {
    /// The number that `text` is: dots and spaces dropped, a slash written as a hyphen, letters as capitals, so that
    /// one registration has one spelling.
    ///
    /// # Errors
    /// [`InvalidRegistrationNumber`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidRegistrationNumber> {
        let number = strip(text, &['.']).replace('/', "-").to_ascii_uppercase();
        if !(1..=20).contains(&number.chars().count()) {
            return Err(InvalidRegistrationNumber::Length);
        }
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if number.split('-').all(is_word) {
            Ok(Self(number))
        } else {
            Err(InvalidRegistrationNumber::Characters)
        }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wrong with a registration: the first of its parts that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCouncilRegistration {
    /// The council.
    #[error("council: {0}")]
    Council(#[from] InvalidCouncil),
    /// The number.
    #[error("number: {0}")]
    Number(#[from] InvalidRegistrationNumber),
    /// The state.
    #[error("state: {0}")]
    State(#[from] InvalidStateCode),
}

impl InvalidCouncilRegistration {
    /// A stable word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Council(error) => error.code(),
            Self::Number(error) => error.code(),
            Self::State(error) => error.code(),
        }
    }

    /// The JSON Pointer (RFC 6901) of the part that is wrong, within the registration.
    #[must_use]
    pub const fn pointer(&self) -> &'static str {
        match self {
            Self::Council(_) => "/council",
            Self::Number(_) => "/number",
            Self::State(_) => "/state",
        }
    }
}

/// A professional's registration; the three parts together identify one professional in Brazil.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CouncilRegistration {
    /// Who registered.
    pub council: Council,
    /// Under which number.
    pub number: RegistrationNumber,
    /// In which state.
    pub state: StateCode,
}

impl CouncilRegistration {
    /// The registration with these parts; council and state in letters of either case.
    ///
    /// # Errors
    /// [`InvalidCouncilRegistration`] names the first part that is wrong.
    pub fn parse(council: &str, number: &str, state: &str) -> Result<Self, InvalidCouncilRegistration> {
        Ok(Self {
            council: Council::parse(&council.trim().to_ascii_uppercase())?,
            number: RegistrationNumber::parse(number)?,
            state: StateCode::parse(&state.trim().to_ascii_uppercase())?,
        })
    }
}

impl std::fmt::Display for CouncilRegistration {
    /// As a prescription shows it: `CRM/SP 123456`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{} {}", self.council, self.state, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_registration_has_one_spelling() {
        let registration = CouncilRegistration::parse(" crm ", "123.456", "sp").unwrap();
        assert_eq!(registration.to_string(), "CRM/SP 123456");
        assert_eq!(
            serde_json::to_value(&registration).unwrap(),
            serde_json::json!({"council": "CRM", "number": "123456", "state": "SP"})
        );
        assert_eq!(
            CouncilRegistration::parse("CRP", "06/12345", "SP")
                .unwrap()
                .number
                .as_str(),
            "06-12345"
        );
        assert_eq!(RegistrationNumber::parse("12345-f").unwrap().as_str(), "12345-F");
    }

    #[test]
    fn the_wrong_part_is_named() {
        let pointer = |council: &str, number: &str, state: &str| {
            CouncilRegistration::parse(council, number, state).map_err(|error| (error.pointer(), error.code()))
        };
        assert_eq!(pointer("ABC", "1", "SP"), Err(("/council", "unknown_council")));
        assert_eq!(pointer("CRM", "", "SP"), Err(("/number", "invalid_length")));
        assert_eq!(
            pointer("CRM", &"1".repeat(21), "SP"),
            Err(("/number", "invalid_length"))
        );
        assert_eq!(pointer("CRM", "1_2", "SP"), Err(("/number", "invalid_characters")));
        assert_eq!(pointer("CRM", "-12", "SP"), Err(("/number", "invalid_characters")));
        assert_eq!(pointer("CRM", "1", "XX"), Err(("/state", "unknown_state")));
        assert!(
            serde_json::from_str::<CouncilRegistration>(r#"{"council":"CRM","number":"1_2","state":"SP"}"#).is_err()
        );
    }

    #[test]
    fn there_are_26_states_and_the_federal_district() {
        assert_eq!(StateCode::ALL.len(), 27);
    }
}
