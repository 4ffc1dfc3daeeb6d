//! People who are twice in one file.

use std::collections::HashMap;

use crate::duplicates::Identity;

/// What tells the people of a file apart, with the line on which each was seen first.
#[derive(Debug, Default)]
pub struct SeenBefore(HashMap<String, u64>);

impl SeenBefore {
    /// The line on which this person was seen before, if so; else they are remembered from `line` on.
    pub(super) fn line_of(&mut self, identity: &Identity, line: u64) -> Option<u64> {
        let keys = keys(identity);
        let before = keys.iter().filter_map(|key| self.0.get(key)).min().copied();
        if before.is_none() {
            self.0.extend(keys.into_iter().map(|key| (key, line)));
        }
        before
    }
}

/// Each of these names a person for sure, as [`crate::duplicates::Likeness::certain`] has it. Where there is a CPF, it alone
/// counts.
fn keys(identity: &Identity) -> Vec<String> {
    if let Some(cpf) = &identity.cpf {
        return vec![format!("cpf {cpf}")];
    }
    let mut keys: Vec<String> = identity.cns.iter().map(|cns| format!("cns {cns}")).collect();
    for name in &identity.names {
        let born = identity.birth_date.map(|date| date.to_string()).unwrap_or_default();
        if identity.birth_date.is_some() {
            keys.push(format!("born {born} {name}"));
        }
        keys.extend(
            identity
                .phone_keys
                .iter()
                .map(|phone| format!("phone {phone} {born} {name}")),
        );
        keys.extend(
            identity
                .email
                .iter()
                .map(|email| format!("email {email} {born} {name}")),
        );
    }
    keys
}

#[cfg(test)]
mod tests {
    use kernel::documents::Cpf;

    use super::*;

    fn person(name: &str, phone: &str, cpf: Option<&str>) -> Identity {
        Identity {
            names: vec![name.to_owned()],
            phone_keys: vec![phone.to_owned()],
            cpf: cpf.map(|cpf| Cpf::parse(cpf).unwrap()),
            ..Identity::default()
        }
    }

    #[test]
    fn the_second_of_two_is_known() {
        let mut seen = SeenBefore::default();
        assert_eq!(seen.line_of(&person("ana", "1", None), 2), None);
        assert_eq!(seen.line_of(&person("ana", "2", None), 3), None);
        assert_eq!(seen.line_of(&person("bia", "1", None), 4), None);
        assert_eq!(seen.line_of(&person("ana", "1", None), 5), Some(2));
        assert_eq!(seen.line_of(&person("caio", "3", Some("52998224725")), 6), None);
        assert_eq!(
            seen.line_of(&person("caio a.", "4", Some("529.982.247-25")), 7),
            Some(6)
        );
        assert_eq!(seen.line_of(&person("caio", "3", Some("11144477735")), 8), None);
    }
}
