//! Reading: one record, the newest ones, sums, conversations.

use std::sync::Arc;

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{DecisionId, Money, RouteId, SessionId, Status, TargetId, Tenant, UsageSource};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::value::RawValue;

use crate::error::StoreError;
use crate::feedback::Feedback;
use crate::record::{Choice, Group, Query, SessionPin, StoredRecord, Summary, Sums, Totals};
use crate::sqlite::append::number;

/// A record as the tables hold it.
pub(super) struct Row {
    record: StoredRecord,
    decision: Option<String>,
    attempts: Option<String>,
    outcome: Option<String>,
}

/// A value that is stored as a word.
pub(super) trait Word: Copy + Sized + 'static {
    const ALL: &'static [(Self, &'static str)];
}

impl Word for Status {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Ok, "ok"),
        (Self::Failed, "failed"),
        (Self::Cut, "cut"),
        (Self::Aborted, "aborted"),
        (Self::Lost, "lost"),
    ];
}

impl Word for UsageSource {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Reported, "reported"), (Self::Estimated, "estimated"), (Self::Unknown, "unknown")];
}

pub(super) fn word<W: Word + PartialEq>(value: W) -> &'static str {
    W::ALL.iter().find(|(known, _)| *known == value).map_or("unknown", |(_, word)| word)
}

fn value<W: Word>(word: &str) -> Option<W> {
    W::ALL.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
}

pub(super) fn record(conn: &Connection, id: &DecisionId) -> rusqlite::Result<Option<Row>> {
    conn.prepare_cached(
        "SELECT r.id, r.started, r.tenant, r.key, r.model, r.stream, r.session, d.prompt, d.decision, o.attempts, \
         o.outcome, f.at, f.score, f.label FROM requests r LEFT JOIN decisions d USING (seq) \
         LEFT JOIN outcomes o USING (seq) LEFT JOIN feedback f USING (seq) WHERE r.id = ?1",
    )?
    .query_row([id.as_str()], |row| {
        Ok(Row {
            record: StoredRecord {
                id: text(row, 0)?.into(),
                started: Timestamp(row.get(1)?),
                tenant: text(row, 2)?.into(),
                key: row.get(3)?,
                model: row.get(4)?,
                stream: row.get(5)?,
                session: row.get::<_, Option<String>>(6)?.map(SessionId::from),
                prompt: row.get(7)?,
                decision: None,
                attempts: Vec::new(),
                outcome: None,
                feedback: feedback(row, 11)?,
            },
            decision: row.get(8)?,
            attempts: row.get(9)?,
            outcome: row.get(10)?,
        })
    })
    .optional()
}

impl Row {
    pub(super) fn into_record(self) -> Result<StoredRecord, StoreError> {
        let Self { mut record, decision, attempts, outcome } = self;
        let fail = |part| {
            let id = record.id.to_string();
            move |source| StoreError::Record { id, part, source }
        };
        let decision = decision.map(RawValue::from_string).transpose().map_err(fail("decision"))?;
        let attempts =
            attempts.map(|json| serde_json::from_str(&json)).transpose().map_err(fail("attempts"))?;
        let outcome = outcome.map(|json| serde_json::from_str(&json)).transpose().map_err(fail("outcome"))?;
        record.decision = decision;
        record.attempts = attempts.unwrap_or_default();
        record.outcome = outcome;
        Ok(record)
    }
}

pub(super) fn recent(conn: &Connection, query: &Query, limit: usize) -> rusqlite::Result<Vec<Summary>> {
    let (since, until, tenant) = bounds(query);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    conn.prepare_cached(
        "SELECT id, started, tenant, key, model, stream, session, route, target, status, cost_nano, baseline_nano, \
         input_tokens, output_tokens, usage_source, total_us, overhead_us FROM requests \
         WHERE started >= ?1 AND started < ?2 AND (?3 IS NULL OR tenant = ?3) ORDER BY started DESC, seq DESC LIMIT ?4",
    )?
    .query_map(params![since, until, tenant, limit], |row| {
        Ok(Summary {
            id: text(row, 0)?.into(),
            started: Timestamp(row.get(1)?),
            tenant: text(row, 2)?.into(),
            key: row.get(3)?,
            model: row.get(4)?,
            stream: row.get(5)?,
            session: row.get::<_, Option<String>>(6)?.map(SessionId::from),
            route: row.get::<_, Option<String>>(7)?.map(RouteId::from),
            target: row.get::<_, Option<String>>(8)?.map(TargetId::from),
            status: status(row, 9)?,
            cost: row.get::<_, Option<u64>>(10)?.map(Money),
            baseline_cost: row.get::<_, Option<u64>>(11)?.map(Money),
            input_tokens: row.get(12)?,
            output_tokens: row.get(13)?,
            usage_source: value(&text(row, 14)?).unwrap_or_default(),
            total_us: row.get(15)?,
            overhead_us: row.get(16)?,
        })
    })?
    .collect()
}

pub(super) fn totals(conn: &Connection, query: &Query) -> rusqlite::Result<Totals> {
    let (since, until, tenant) = bounds(query);
    let groups = conn
        .prepare_cached(
            "SELECT route, target, status, count(*), coalesce(sum(cost_nano), 0), \
             count(*) FILTER (WHERE status IS NOT NULL AND cost_nano IS NULL), \
             coalesce(sum(baseline_nano) FILTER (WHERE cost_nano IS NOT NULL), 0), \
             coalesce(sum(cost_nano) FILTER (WHERE baseline_nano IS NOT NULL), 0), \
             sum(input_tokens), sum(output_tokens) FROM requests \
             WHERE started >= ?1 AND started < ?2 AND (?3 IS NULL OR tenant = ?3) GROUP BY route, target, status",
        )?
        .query_map(params![since, until, tenant], |row| {
            Ok(Group {
                route: row.get::<_, Option<String>>(0)?.map(RouteId::from),
                target: row.get::<_, Option<String>>(1)?.map(TargetId::from),
                status: status(row, 2)?,
                sums: Sums {
                    requests: row.get(3)?,
                    cost: Money(row.get(4)?),
                    unpriced: row.get(5)?,
                    baseline_cost: Money(row.get(6)?),
                    compared_cost: Money(row.get(7)?),
                    input_tokens: row.get(8)?,
                    output_tokens: row.get(9)?,
                },
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(Totals { groups })
}

pub(super) fn sessions_since(conn: &Connection, since: Timestamp) -> rusqlite::Result<Vec<SessionPin>> {
    // SQLite gives the other columns of the row that has the maximum.
    conn.prepare_cached(
        "SELECT tenant, session, target, max(started) FROM requests \
         WHERE started >= ?1 AND session IS NOT NULL AND target IS NOT NULL GROUP BY tenant, session",
    )?
    .query_map([number(since.0)], |row| {
        Ok(SessionPin {
            tenant: Tenant::from(text(row, 0)?),
            session: text(row, 1)?.into(),
            target: text(row, 2)?.into(),
            at: Timestamp(row.get(3)?),
        })
    })?
    .collect()
}

pub(super) fn choices(
    conn: &Connection,
    query: &Query,
    take: &mut dyn FnMut(Choice),
) -> rusqlite::Result<()> {
    let (since, until, tenant) = bounds(query);
    let mut statement = conn.prepare_cached(
        "SELECT r.id, r.route, r.status, r.cost_nano, r.baseline_nano, f.score, d.decision FROM requests r \
         LEFT JOIN decisions d USING (seq) LEFT JOIN feedback f USING (seq) WHERE r.status IS NOT NULL \
         AND r.started >= ?1 AND r.started < ?2 AND (?3 IS NULL OR r.tenant = ?3) ORDER BY seq",
    )?;
    let mut rows = statement.query(params![since, until, tenant])?;
    while let Some(row) = rows.next()? {
        take(Choice {
            id: text(row, 0)?.into(),
            route: row.get::<_, Option<String>>(1)?.map(RouteId::from),
            status: status(row, 2)?.unwrap_or(Status::Failed),
            cost: row.get::<_, Option<u64>>(3)?.map(Money),
            baseline_cost: row.get::<_, Option<u64>>(4)?.map(Money),
            score: row.get(5)?,
            decision: row.get(6)?,
        });
    }
    Ok(())
}

fn bounds(query: &Query) -> (i64, i64, Option<&str>) {
    let since = query.since.map_or(0, |at| number(at.0));
    let until = query.until.map_or(i64::MAX, |at| number(at.0));
    (since, until, query.tenant.as_ref().map(Tenant::as_str))
}

/// A word this program does not know reads as `failed`: whatever it was, it was an end.
fn status(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Status>> {
    let word: Option<Arc<str>> = row.get(at)?;
    Ok(word.map(|word| value(&word).unwrap_or(Status::Failed)))
}

/// From three columns; nothing where none was given.
fn feedback(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Feedback>> {
    let Some(given) = row.get::<_, Option<u64>>(at)? else { return Ok(None) };
    Ok(Some(Feedback { at: Timestamp(given), score: row.get(at + 1)?, label: row.get(at + 2)? }))
}

fn text(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<String> {
    row.get(at)
}
