//! Into what the rows of a file go: people or appointments, through the one door that both have for a part of a file.

use appointments::import as agenda;
use contacts::import as people;
use db::{DbError, TenantTx};
use kernel::Timestamp;
use tabular::{BadRecord, Mapping, Record, RowReport};

use super::people::MakeContacts;

/// A row of a file, or why it is none.
pub(super) type Line = Result<Record, BadRecord>;

/// Into what the rows of a file go.
pub(super) trait Target {
    /// Rows as they are before the database has seen them.
    type Ready;
    /// What a part came to.
    type Done;

    /// How many rows are brought in by one transaction.
    const ROWS_AT_ONCE: usize;

    /// Passes over a row that an earlier part dealt with.
    fn pass(&mut self, line: &Line, now: Timestamp);

    /// Reads the rows of a part.
    fn read(&mut self, lines: Vec<Line>, now: Timestamp) -> Self::Ready;

    /// Brings the rows of a part in. May be run again when the transaction is.
    async fn bring_in(&self, tx: &mut TenantTx<'_>, ready: &Self::Ready) -> Result<Self::Done, DbError>;

    /// What became of the rows.
    fn reports(done: &Self::Done) -> &[RowReport];

    /// Goes on from what a part came to, once it is kept.
    fn keep(&mut self, done: Self::Done);
}

/// People.
pub(super) struct IntoContacts<'m> {
    pub(super) mapping: &'m Mapping,
    /// Who was met in the file: a rehearsal keeps nobody in whom they could be found again.
    pub(super) rehearsal: Option<people::SeenBefore>,
}

impl Target for IntoContacts<'_> {
    type Ready = Vec<people::Prepared>;
    type Done = Vec<RowReport>;

    const ROWS_AT_ONCE: usize = people::ROWS_AT_ONCE;

    fn pass(&mut self, line: &Line, now: Timestamp) {
        if self.rehearsal.is_some() {
            let _dealt_with = people::prepare(self.mapping, line, now, self.rehearsal.as_mut());
        }
    }

    fn read(&mut self, lines: Vec<Line>, now: Timestamp) -> Self::Ready {
        let seen = &mut self.rehearsal;
        lines
            .iter()
            .map(|line| people::prepare(self.mapping, line, now, seen.as_mut()))
            .collect()
    }

    async fn bring_in(&self, tx: &mut TenantTx<'_>, ready: &Self::Ready) -> Result<Self::Done, DbError> {
        people::bring_in(tx, ready, self.rehearsal.is_some()).await
    }

    fn reports(done: &Self::Done) -> &[RowReport] {
        done
    }

    fn keep(&mut self, _done: Self::Done) {}
}

/// Who makes contacts of people that an agenda's file tells of and the clinic does not know.
pub(super) enum Newcomers<'o> {
    /// They are made.
    Made(MakeContacts<'o>),
    /// Rows about them are refused.
    Refused,
}

impl agenda::NewContacts for Newcomers<'_> {
    async fn create(
        &self,
        tx: &mut TenantTx<'_>,
        person: &agenda::Person,
    ) -> Result<kernel::ContactId, agenda::NewContactError> {
        match self {
            Self::Made(make) => make.create(tx, person).await,
            Self::Refused => agenda::OnlyKnownContacts.create(tx, person).await,
        }
    }
}

/// Appointments.
pub(super) struct IntoAgenda<'r>(pub(super) agenda::Run<'r, Newcomers<'r>>);

impl Target for IntoAgenda<'_> {
    type Ready = Vec<Line>;
    type Done = agenda::Done;

    const ROWS_AT_ONCE: usize = agenda::LINES_AT_ONCE;

    /// What was brought in is found in the database, and days that were filled are busy there.
    fn pass(&mut self, _line: &Line, _now: Timestamp) {}

    fn read(&mut self, mut lines: Vec<Line>, _now: Timestamp) -> Self::Ready {
        lines.retain(|line| self.0.concerns(line));
        lines
    }

    async fn bring_in(&self, tx: &mut TenantTx<'_>, ready: &Self::Ready) -> Result<Self::Done, DbError> {
        self.0.bring_in(tx, ready.iter()).await
    }

    fn reports(done: &Self::Done) -> &[RowReport] {
        done.rows()
    }

    fn keep(&mut self, done: Self::Done) {
        let _reported = self.0.keep(done);
    }
}
