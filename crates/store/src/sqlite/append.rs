//! Writing: batches, closing what was lost, deleting what is old.

use pointsman_kernel::Money;
use pointsman_kernel::facts::Timestamp;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::change::{Change, DecisionText, End};
use crate::feedback::{Feedback, Given, Taken};
use crate::sqlite::immediate;
use crate::sqlite::reads::word;

const INSERT: &str = "INSERT INTO requests (id, started, tenant, key, model, stream, session, route, target, status, \
     cost_nano, baseline_nano, input_tokens, output_tokens, usage_source, total_us, overhead_us) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) \
     ON CONFLICT (id) DO NOTHING";
const DECIDE: &str = "UPDATE requests SET route = ?2 WHERE id = ?1 AND status IS NULL RETURNING seq";
const END: &str = "UPDATE requests SET route = coalesce(?2, route), target = ?3, status = ?4, cost_nano = ?5, \
     baseline_nano = ?6, input_tokens = ?7, output_tokens = ?8, usage_source = ?9, total_us = ?10, overhead_us = ?11 \
     WHERE id = ?1 AND status IS NULL RETURNING seq";
const DECISION: &str = "INSERT INTO decisions (seq, decision, prompt) VALUES (?1, ?2, ?3) \
     ON CONFLICT (seq) DO UPDATE SET decision = excluded.decision";
const OUTCOME: &str = "INSERT INTO outcomes (seq, attempts, outcome) VALUES (?1, ?2, ?3)";

/// The most a request adds to a sum: a million dollars. Sums of these stay far from the end of the integers, and a
/// wrong price cannot break them. The outcome's JSON holds what it was.
const DEAREST: u64 = 1_000_000_000_000_000;

struct Statements<'c> {
    insert: CachedStatement<'c>,
    decide: CachedStatement<'c>,
    end: CachedStatement<'c>,
    decision: CachedStatement<'c>,
    outcome: CachedStatement<'c>,
}

pub(super) fn append(conn: &mut Connection, batch: &[Change<'_>]) -> rusqlite::Result<Vec<usize>> {
    let tx = immediate(conn)?;
    let mut refused = Vec::new();
    {
        let mut statements = Statements {
            insert: tx.prepare_cached(INSERT)?,
            decide: tx.prepare_cached(DECIDE)?,
            end: tx.prepare_cached(END)?,
            decision: tx.prepare_cached(DECISION)?,
            outcome: tx.prepare_cached(OUTCOME)?,
        };
        for (at, change) in batch.iter().enumerate() {
            let seq = if change.is_new {
                (statements.insert(change)? > 0).then(|| tx.last_insert_rowid())
            } else {
                statements.update(change)?
            };
            match seq {
                Some(seq) => statements.details(seq, change)?,
                None => refused.push(at),
            }
        }
    }
    tx.commit()?;
    Ok(refused)
}

/// One transaction on the writing connection, so that of two at once exactly one is kept.
pub(super) fn give(conn: &mut Connection, given: &Given<'_>) -> rusqlite::Result<Taken> {
    let tx = immediate(conn)?;
    let seq: Option<i64> = tx
        .prepare_cached("SELECT seq FROM requests WHERE id = ?1 AND tenant = ?2 AND key IS ?3")?
        .query_row(params![given.id.as_str(), given.tenant.as_str(), given.key], |row| row.get(0))
        .optional()?;
    let Some(seq) = seq else { return Ok(Taken::Unknown) };
    let Feedback { at, score, label } = given.feedback;
    let kept = tx
        .prepare_cached(
            "INSERT INTO feedback (seq, at, score, label) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (seq) DO NOTHING",
        )?
        .execute(params![seq, number(at.0), score, label.as_deref()])?;
    tx.commit()?;
    Ok(if kept > 0 { Taken::Kept } else { Taken::Again })
}

pub(super) fn close_lost(conn: &mut Connection, outcome: &str) -> rusqlite::Result<u64> {
    let tx = immediate(conn)?;
    tx.execute(
        "INSERT OR REPLACE INTO outcomes (seq, attempts, outcome) \
         SELECT seq, '[]', ?1 FROM requests WHERE status IS NULL",
        [outcome],
    )?;
    let lost = tx.execute("UPDATE requests SET status = 'lost' WHERE status IS NULL", [])?;
    tx.commit()?;
    Ok(lost as u64)
}

pub(super) fn prune(conn: &mut Connection, before: Timestamp, at_most: u32) -> rusqlite::Result<u64> {
    let tx = immediate(conn)?;
    let old: Vec<i64> = tx
        .prepare_cached(
            "SELECT seq FROM requests WHERE started < ?1 AND status IS NOT NULL ORDER BY started LIMIT ?2",
        )?
        .query_map(params![number(before.0), at_most], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in ["feedback", "decisions", "outcomes", "requests"] {
        let mut delete = tx.prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?1"))?;
        for seq in &old {
            delete.execute([seq])?;
        }
    }
    tx.commit()?;
    Ok(old.len() as u64)
}

impl Statements<'_> {
    fn insert(&mut self, change: &Change<'_>) -> rusqlite::Result<usize> {
        let (opening, end) = (change.opening, change.end.as_ref());
        self.insert.execute(params![
            opening.id.as_str(),
            number(opening.started.0),
            opening.tenant.as_str(),
            opening.key.as_deref(),
            &*opening.model,
            opening.stream,
            opening.session.as_ref().map(AsRef::as_ref),
            route(change),
            end.and_then(target),
            end.map(|end| word(end.status)),
            end.and_then(|end| money(end.cost)),
            end.and_then(|end| money(end.baseline_cost)),
            end.map_or(0, |end| number(end.input_tokens)),
            end.map_or(0, |end| number(end.output_tokens)),
            end.map_or("unknown", |end| word(end.usage_source)),
            end.map_or(0, |end| number(end.total_us)),
            end.map_or(0, |end| number(end.overhead_us)),
        ])
    }

    fn update(&mut self, change: &Change<'_>) -> rusqlite::Result<Option<i64>> {
        let id = change.opening.id.as_str();
        let Some(end) = &change.end else {
            return self.decide.query_row(params![id, route(change)], |row| row.get(0)).optional();
        };
        self.end
            .query_row(
                params![
                    id,
                    route(change),
                    target(end),
                    word(end.status),
                    money(end.cost),
                    money(end.baseline_cost),
                    number(end.input_tokens),
                    number(end.output_tokens),
                    word(end.usage_source),
                    number(end.total_us),
                    number(end.overhead_us),
                ],
                |row| row.get(0),
            )
            .optional()
    }

    fn details(&mut self, seq: i64, change: &Change<'_>) -> rusqlite::Result<()> {
        if change.decision.is_some() || change.prompt.is_some() {
            let json = change.decision.as_ref().map(|decision| decision.json.as_str());
            self.decision.execute(params![seq, json, change.prompt.as_deref()])?;
        }
        if let Some(end) = &change.end {
            self.outcome.execute(params![seq, end.attempts, end.outcome])?;
        }
        Ok(())
    }
}

fn route<'a>(change: &'a Change<'_>) -> Option<&'a str> {
    change.decision.as_ref().map(|DecisionText { route, .. }| route.as_str())
}

fn target(end: &End) -> Option<&str> {
    end.target.as_ref().map(AsRef::as_ref)
}

fn money(amount: Option<Money>) -> Option<i64> {
    amount.map(|amount| number(amount.0.min(DEAREST)))
}

/// SQLite's integers are signed.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
