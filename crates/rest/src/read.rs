//! Reads: through the cache, with entity tags, and with a row in the audit log also when the cache answers.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use cache::{CacheKey, CachedAnswer, TimeToLive};
use db::{AuditRecord, TenantRead, TxError};
use kernel::{Caller, Tag};
use serde::Serialize;

use crate::caller::Authorized;
use crate::fields;
use crate::paging::Page;
use crate::problem::Problem;
use crate::query::{ListQuery, RowQuery};
use crate::view::{View, answer_of, render};

/// What a read is, besides its SQL.
#[derive(Debug)]
pub struct ReadPlan {
    name: &'static str,
    question: Vec<u8>,
    tags: Vec<Tag>,
    audit: Option<AuditRecord>,
    time_to_live: TimeToLive,
    cached: bool,
    snapshot: bool,
    fault: Option<serde_json::Error>,
}

impl ReadPlan {
    /// A read called `name`, such as `contacts.get`; cached for the time of what changes often.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            question: Vec::new(),
            tags: Vec::new(),
            audit: None,
            time_to_live: TimeToLive::Changing,
            cached: true,
            snapshot: false,
            fault: None,
        }
    }

    /// Adds what the answer depends on, besides the clinic, the caller's permissions, and fields and neighbours asked for.
    #[must_use]
    pub fn query(mut self, question: &impl Serialize) -> Self {
        match serde_json::to_writer(&mut self.question, question) {
            Ok(()) => self.question.push(b'\n'),
            Err(error) => self.fault = Some(error),
        }
        self
    }

    /// Says what makes the answer stale.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self
    }

    /// Notes the read in the audit log: whenever personal data is shown.
    #[must_use]
    pub fn audit(mut self, record: AuditRecord) -> Self {
        self.audit = Some(record);
        self
    }

    /// How long the answer may be kept when nothing makes it stale.
    #[must_use]
    pub const fn live(mut self, time_to_live: TimeToLive) -> Self {
        self.time_to_live = time_to_live;
        self
    }

    /// Reads by several statements that must see one snapshot.
    #[must_use]
    pub const fn snapshot(mut self) -> Self {
        self.snapshot = true;
        self
    }

    /// Never kept: for what depends on the present moment or on the very caller.
    #[must_use]
    pub const fn uncached(mut self) -> Self {
        self.cached = false;
        self
    }
}

impl<D> Authorized<D> {
    /// Reads one view by `work`, or takes it from the cache.
    ///
    /// # Errors
    /// What `work` ends with, or 422 for fields that the view does not have.
    pub async fn read<V: View, E: TxError + Into<Problem>>(
        &self,
        plan: ReadPlan,
        query: &RowQuery,
        work: impl AsyncFnOnce(&TenantRead<'_>) -> Result<V, E>,
    ) -> Result<HttpResponse, Problem> {
        query.include.refuse_overlooked()?;
        let wanted = query.fields.as_deref();
        if let Some(wanted) = wanted {
            fields::check::<V>(wanted)?;
        }
        let plan = plan.query(query);
        let answer = self.answer(plan, work, |view: V| render(&view, wanted)).await?;
        Ok(self.respond(&answer))
    }

    /// Reads one page of a list by `work`, or takes it from the cache.
    ///
    /// # Errors
    /// What `work` ends with, or 422 for fields that the rows do not have.
    pub async fn read_page<V: View, F: Serialize, E: TxError + Into<Problem>>(
        &self,
        plan: ReadPlan,
        list: &ListQuery<F>,
        work: impl AsyncFnOnce(&TenantRead<'_>) -> Result<Page<V>, E>,
    ) -> Result<HttpResponse, Problem> {
        list.include.refuse_overlooked()?;
        let wanted = list.fields.as_deref();
        if let Some(wanted) = wanted {
            fields::check::<V>(wanted)?;
        }
        // Rows that have just changed are shown only once settled, which no tag tells: such lists are never kept.
        let plan = if list.updated_since.is_some() {
            plan.uncached()
        } else {
            plan
        };
        let plan = plan.query(list);
        let answer = self
            .answer(plan, work, |page: Page<V>| render_page(&page, wanted))
            .await?;
        let mut response = self.respond(&answer);
        let link = next_cursor_in(&answer.body).map(|cursor| self.link_to_next(cursor));
        if let Some(link) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
            response.headers_mut().insert(header::LINK, link);
        }
        Ok(response)
    }

    async fn answer<T, E: TxError + Into<Problem>>(
        &self,
        plan: ReadPlan,
        work: impl AsyncFnOnce(&TenantRead<'_>) -> Result<T, E>,
        to_answer: impl FnOnce(T) -> Result<CachedAnswer, Problem>,
    ) -> Result<CachedAnswer, Problem> {
        let ReadPlan {
            name,
            question,
            tags,
            audit,
            time_to_live,
            cached,
            snapshot,
            fault,
        } = plan;
        if let Some(fault) = fault {
            return Err(Problem::internal(&fault));
        }
        let principal = &self.principal;
        let fill = async || -> Result<CachedAnswer, Problem> {
            let read = if snapshot {
                self.rest.db.read_snapshot(principal, work).await
            } else {
                self.rest.db.read(principal, work).await
            };
            to_answer(read.map_err(Into::into)?)
        };
        let answer = if cached {
            let key = CacheKey::new(principal.clinic(), name, principal.permissions(), &question, tags);
            self.rest.cache.get_or_fill(&key, time_to_live, fill).await?.0
        } else {
            fill().await?
        };
        if let Some(record) = audit {
            self.rest.read_audit.record(principal, record, self.now());
        }
        Ok(answer)
    }

    /// 200 with the answer, or 304 when the client has it already.
    fn respond(&self, answer: &CachedAnswer) -> HttpResponse {
        let unchanged = self
            .request
            .headers()
            .get(header::IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|known| {
                known
                    .split(',')
                    .map(str::trim)
                    .any(|tag| tag == "*" || tag.trim_start_matches("W/") == answer.etag.as_str())
            });
        let status = if unchanged {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::OK
        };
        let mut response = HttpResponseBuilder::new(status);
        response.insert_header((header::ETAG, answer.etag.as_str()));
        // Personal data: kept by the client alone, and asked after each time.
        response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
        if unchanged {
            return response.finish();
        }
        response.content_type("application/json");
        response.body(answer.body.clone())
    }

    /// `<…>; rel="next"` (RFC 8288): this list's address with the cursor of the next page.
    fn link_to_next(&self, cursor: &str) -> String {
        let own = self
            .request
            .query_string()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
        let query: Vec<&str> = own.collect();
        let separator = if query.is_empty() { "" } else { "&" };
        format!(
            "<{}?{}{separator}cursor={cursor}>; rel=\"next\"",
            self.request.path(),
            query.join("&")
        )
    }
}

/// The cursor of the next page, read from the end of a rendered page, so that a kept answer need not be parsed.
fn next_cursor_in(body: &[u8]) -> Option<&str> {
    const MEMBER: &str = "\"next_cursor\":\"";
    // The page's own member is the last of that name: inside strings quotes are escaped, and rows come before it.
    let text = std::str::from_utf8(body).ok()?;
    let tail = text.rsplit_once("\"page\":")?.1;
    let cursor = tail.split_once(MEMBER)?.1;
    Some(cursor.split_once('"')?.0)
}

fn render_page<V: View>(page: &Page<V>, wanted: Option<&[String]>) -> Result<CachedAnswer, Problem> {
    let body = match wanted {
        None => serde_json::to_vec(page),
        Some(wanted) => serde_json::to_value(page).and_then(|mut value| {
            if let Some(rows) = value.get_mut("data").and_then(serde_json::Value::as_array_mut) {
                for row in rows.iter_mut() {
                    *row = fields::cut(row.take(), wanted);
                }
            }
            serde_json::to_vec(&value)
        }),
    };
    answer_of(body.map_err(|error| Problem::internal(&error))?, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_cursor_is_the_pages_own() {
        let page =
            br#"{"data":[{"custom":{"next_cursor":"x","page":1}}],"page":{"next_cursor":"abc-_","has_more":true}}"#;
        assert_eq!(next_cursor_in(page), Some("abc-_"));
        assert_eq!(
            next_cursor_in(br#"{"data":[{"next_cursor":"x"}],"page":{"next_cursor":null,"has_more":false}}"#),
            None
        );
        assert_eq!(
            next_cursor_in(br#"{"data":[],"page":{"has_more":true,"next_cursor":"q"}}"#),
            Some("q")
        );
    }
}
