//! Brazilian document numbers: people (CPF, CNS), companies (CNPJ) and professionals (council registrations).
//!
//! The arithmetic is our own, a dozen lines that all of them share: of the published crates the one for CPF and CNPJ
//! that knows the alphanumeric CNPJ answers only yes or no, brings a random number generator along, and none knows
//! the CNS.

mod check_digits;
mod cnpj;
mod cns;
mod council;
mod cpf;

pub use cnpj::{Cnpj, InvalidCnpj};
pub use cns::{Cns, InvalidCns};
pub use council::{
    Council, CouncilRegistration, InvalidCouncil, InvalidCouncilRegistration, InvalidRegistrationNumber,
    InvalidStateCode, RegistrationNumber, StateCode,
};
pub use cpf::{Cpf, InvalidCpf};
