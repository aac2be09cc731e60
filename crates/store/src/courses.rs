//! Conversations' ways through the agents, by tenant and session.
//!
//! Held in memory, where a request reads and writes them without waiting, and written behind to a file of their own, so that
//! they outlive the process. Bounded in age; what is too old is forgotten at the next start or look.
//!
//! Invariants: a tenant never sees another's; a version only rises, and who writes one says which it read: of two that read
//! the same, the first writes and the other is told ([`Courses::put`]). A file that cannot be written costs what a restart
//! would have remembered and nothing else; it is counted.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use pointsman_kernel::agents::Course;
use pointsman_kernel::facts::{CourseAt, Timestamp};
use pointsman_kernel::{SessionId, Tenant};
use rusqlite::{Connection, params};

use crate::error::StoreError;
use crate::sqlite::{Access, Schema, connect, lock};

/// The ways of all conversations. Cloning gives another handle to the same.
#[derive(Clone)]
pub struct Courses {
    shared: Arc<Shared>,
}

/// The version that a write was based on is not the one there is: somebody else has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outdated;

struct Shared {
    held: Mutex<HashMap<Key, Held>>,
    kept_for: Duration,
    failed: Arc<AtomicU64>,
    writer: Mutex<Option<(Sender<Write>, JoinHandle<()>)>>,
}

type Key = (Tenant, SessionId);

#[derive(Clone)]
struct Held {
    course: Course,
    version: u64,
    changed: Timestamp,
}

enum Write {
    Put(Key, Held),
    Forget(Timestamp),
}

const SCHEMA: Schema = Schema {
    what: "session file",
    application_id: 0x706d_7373, // "pmss"
    migrations: &[include_str!("courses/courses-1.sql")],
};
const WAIT: Duration = Duration::from_secs(2);
/// Writes of so many changes, or of so long, go into one transaction.
const BATCH: usize = 256;
const GATHERED_FOR: Duration = Duration::from_millis(20);
/// More conversations than this are not held: the oldest half is forgotten.
const AT_MOST: usize = 200_000;

impl Courses {
    /// Opens or makes the file at `path`, and takes up what was changed within `kept_for` before `now`.
    ///
    /// # Errors
    /// When it cannot be opened or read, or is no session file of this version.
    pub fn open(path: &Path, kept_for: Duration, now: Timestamp) -> Result<Self, StoreError> {
        let conn = connect(path, &SCHEMA, Access::Write, WAIT)?;
        let since = before(now, kept_for);
        let held = read(&conn, since).map_err(|source| StoreError::of(path, SCHEMA.what, source))?;
        let failed = Arc::new(AtomicU64::new(0));
        let (send, receive) = channel();
        let counted = Arc::clone(&failed);
        let thread = std::thread::Builder::new()
            .name("sessions".to_owned())
            .spawn(move || write(conn, &receive, &counted))
            .map_err(|source| StoreError::Thread { what: "the sessions", source })?;
        let courses = Self::held(held, kept_for, failed, Some((send, thread)));
        courses.forget(now);
        Ok(courses)
    }

    /// Without a file: they end with the process.
    #[must_use]
    pub fn in_memory(kept_for: Duration) -> Self {
        Self::held(HashMap::new(), kept_for, Arc::default(), None)
    }

    fn held(
        held: HashMap<Key, Held>,
        kept_for: Duration,
        failed: Arc<AtomicU64>,
        writer: Option<(Sender<Write>, JoinHandle<()>)>,
    ) -> Self {
        let shared = Shared { held: Mutex::new(held), kept_for, failed, writer: Mutex::new(writer) };
        Self { shared: Arc::new(shared) }
    }

    /// A conversation's way as it is now; a new one's where nothing is known of it, or nothing of late.
    #[must_use]
    pub fn get(&self, tenant: &Tenant, session: &SessionId, now: Timestamp) -> CourseAt {
        let held = lock(&self.shared.held);
        let Some(known) = held.get(&(tenant.clone(), session.clone())) else { return CourseAt::default() };
        let late = known.changed < before(now, self.shared.kept_for);
        let course = if late { Course::default() } else { known.course.clone() };
        CourseAt { course, version: known.version }
    }

    /// Writes a conversation's way, based on the version that was read, and gives the version it has now.
    ///
    /// # Errors
    /// [`Outdated`] where somebody has written since; nothing is changed then.
    pub fn put(
        &self,
        tenant: &Tenant,
        session: &SessionId,
        read: u64,
        course: Course,
        now: Timestamp,
    ) -> Result<u64, Outdated> {
        let key = (tenant.clone(), session.clone());
        let mut held = lock(&self.shared.held);
        let there = held.get(&key).map_or(0, |known| known.version);
        if there != read {
            return Err(Outdated);
        }
        let new = Held { course, version: read + 1, changed: now };
        if held.len() >= AT_MOST && there == 0 {
            self.tell(Write::Forget(forget_oldest(&mut held)));
        }
        // Under the lock, so that the file is told in the order of the versions.
        self.tell(Write::Put(key.clone(), new.clone()));
        held.insert(key, new);
        Ok(read + 1)
    }

    /// Forgets what was not changed for as long as is kept.
    pub fn forget(&self, now: Timestamp) {
        let since = before(now, self.shared.kept_for);
        lock(&self.shared.held).retain(|_, known| known.changed >= since);
        self.tell(Write::Forget(since));
    }

    /// Changes that could not be written to the file.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Writes what is waiting and closes the file. What is put afterwards is held in memory alone.
    pub fn close(&self) {
        let writer = lock(&self.shared.writer).take();
        if let Some((send, thread)) = writer {
            drop(send);
            // A writer that panicked has nothing left to write.
            let _ = thread.join();
        }
    }

    fn tell(&self, what: Write) {
        if let Some((send, _)) = &*lock(&self.shared.writer)
            && send.send(what).is_err()
        {
            self.shared.failed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Forgets all that were changed before a moment that half of them were, and gives it.
fn forget_oldest(held: &mut HashMap<Key, Held>) -> Timestamp {
    let mut ages: Vec<Timestamp> = held.values().map(|known| known.changed).collect();
    let middle = ages.len() / 2;
    let (_, median, _) = ages.select_nth_unstable(middle);
    let since = Timestamp(median.0.saturating_add(1));
    held.retain(|_, known| known.changed >= since);
    since
}

fn before(now: Timestamp, kept_for: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(u64::try_from(kept_for.as_micros()).unwrap_or(u64::MAX)))
}

/// A row that this program cannot read is left out: the conversation begins anew.
fn read(conn: &Connection, since: Timestamp) -> rusqlite::Result<HashMap<Key, Held>> {
    let sql = "SELECT tenant, session, course, version, changed FROM courses WHERE changed >= ?1";
    let mut select = conn.prepare(sql)?;
    let rows = select.query_map([number(since.0)], |row| {
        let (tenant, session, course): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (version, changed): (u64, u64) = (row.get(3)?, row.get(4)?);
        let course = serde_json::from_str(&course).unwrap_or_default();
        let held = Held { course, version, changed: Timestamp(changed) };
        Ok(((Tenant::from(tenant), SessionId::from(session)), held))
    })?;
    rows.collect()
}

fn write(mut conn: Connection, receive: &Receiver<Write>, failed: &AtomicU64) {
    while let Ok(first) = receive.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match receive.recv_timeout(GATHERED_FOR) {
                Ok(next) => batch.push(next),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        if write_all(&mut conn, &batch).is_err() {
            failed.fetch_add(batch.len() as u64, Ordering::Relaxed);
        }
    }
}

fn write_all(conn: &mut Connection, batch: &[Write]) -> rusqlite::Result<()> {
    let tx = conn.transaction()?;
    for what in batch {
        match what {
            Write::Put((tenant, session), held) => {
                let course = serde_json::to_string(&held.course).unwrap_or_default();
                tx.prepare_cached(
                    "INSERT INTO courses (tenant, session, course, version, changed) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT DO UPDATE SET course = ?3, version = ?4, changed = ?5 WHERE version < ?4",
                )?
                .execute(params![
                    tenant.as_str(),
                    session.as_str(),
                    course,
                    number(held.version),
                    number(held.changed.0)
                ])?;
            }
            Write::Forget(since) => {
                tx.prepare_cached("DELETE FROM courses WHERE changed < ?1")?.execute([number(since.0)])?;
            }
        }
    }
    tx.commit()
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
