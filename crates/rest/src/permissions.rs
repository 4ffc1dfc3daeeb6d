//! Permissions as types, so that what an endpoint demands stands in its signature.

use kernel::{Permission, Principal};

use crate::problem::Problem;

/// What an endpoint demands of its caller.
pub trait Demand: 'static {
    /// Whether `caller` meets it.
    ///
    /// # Errors
    /// The 403 that says what is missing.
    fn check(caller: &Principal) -> Result<(), Problem>;
}

/// Demands nothing but to be signed in.
#[derive(Debug)]
pub enum SignedIn {}

impl Demand for SignedIn {
    fn check(_caller: &Principal) -> Result<(), Problem> {
        Ok(())
    }
}

/// The 403 of a caller without `permission`.
pub(crate) fn demand(caller: &Principal, permission: Permission) -> Result<(), Problem> {
    if caller.may(permission) {
        Ok(())
    } else {
        Err(
            Problem::forbidden("permission_denied", format!("this needs the permission {permission}"))
                .with("permission", permission.name()),
        )
    }
}

macro_rules! demands {
    ($($name:ident),+ $(,)?) => {$(
        #[doc = concat!("Demands [`Permission::", stringify!($name), "`].")]
        #[derive(Debug)]
        pub enum $name {}

        impl Demand for $name {
            fn check(caller: &Principal) -> Result<(), Problem> {
                demand(caller, Permission::$name)
            }
        }
    )+};
}

demands! {
    ClinicRead, ClinicManage, StaffRead, StaffManage, ContactsRead, ContactsWrite, ContactsMerge, ContactsExport, ImportsRun,
    AppointmentsRead, AppointmentsWrite, AppointmentsOverbook, ConversationsRead, ConversationsWrite, ConversationsManage,
    RecordsRead, RecordsWrite, RecordsSign, RecordsBreakGlass, FinancialRead, FinancialWrite, FinancialRefund,
    FinancialReports, AuditRead, ApiKeysManage, WebhooksManage, PrivacyManage, MonitoringRead,
}
