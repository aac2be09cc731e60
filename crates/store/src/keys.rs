//! Client keys: who may come in, as whom, and to what.
//!
//! A key is 32 random bytes, shown once and stored as its SHA-256. A slow hash, made for passwords people choose, would
//! add nothing: nobody guesses 256 bits, and every request would pay for it. Looking a hash up in a map leaks at most
//! how a hash of the guess compares with stored hashes, and whoever guesses cannot choose that hash.
//!
//! The file is small, apart from the ledger, and may be changed by another process (the CLI) while a gateway runs:
//! [`KeyRing`] looks three times a second, so a revoked key stops within one.
//!
//! Invariants: a secret is never written anywhere; among keys in force a name is unique; a revoked key never comes back.

mod ring;
mod secret;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{Scope, Tenant};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use secrecy::SecretString;
use serde::Serialize;

pub use ring::KeyRing;

use crate::error::StoreError;
use crate::sqlite::{Access, Schema, connect, lock};

/// A client key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Names the key for good: `key_` and 12 characters that say nothing about the secret.
    pub id: Arc<str>,
    /// For people; unique among keys in force.
    pub name: Arc<str>,
    /// Whose requests it sends.
    pub tenant: Tenant,
    /// What it may use.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
    /// Since when it is out of force.
    pub revoked: Option<Timestamp>,
}

/// The file of client keys. Several processes may have it open.
pub struct Keys {
    path: PathBuf,
    conn: Mutex<Connection>,
}

const SCHEMA: Schema = Schema {
    what: "key file",
    application_id: 0x706d_6b79, // "pmky"
    migrations: &[include_str!("keys/keys-1.sql")],
};
const WAIT: Duration = Duration::from_secs(2);
const LONGEST_NAME: usize = 64;
const ID_PREFIX: &str = "key_";
const COLUMNS: &str = "id, name, tenant, scope, created, revoked";

impl Keys {
    /// Opens or makes the file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened, or is no key file of this version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let conn = connect(path, &SCHEMA, Access::Write, WAIT)?;
        Ok(Self { path: path.to_owned(), conn: Mutex::new(conn) })
    }

    /// Makes a key. The tenant is the name where none is given. The secret is given here and never again.
    ///
    /// # Errors
    /// When the name is taken or unfit, or the file cannot be written.
    pub fn create(
        &self,
        name: &str,
        tenant: Option<&Tenant>,
        scope: Scope,
    ) -> Result<(KeyRecord, SecretString), StoreError> {
        let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
        if !fits || name.trim() != name || name.chars().any(char::is_control) || name.starts_with(ID_PREFIX) {
            return Err(StoreError::BadName(name.to_owned()));
        }
        let secret = secret::fresh()?;
        let record = KeyRecord {
            id: secret::fresh_id(ID_PREFIX)?.into(),
            name: name.into(),
            tenant: tenant.cloned().unwrap_or_else(|| name.into()),
            scope,
            created: now(),
            revoked: None,
        };
        let scope = serde_json::to_string(&record.scope).map_err(|source| unreadable(&record.id, source))?;
        let mut conn = lock(&self.conn);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| self.fail(e))?;
        let taken = tx
            .query_row("SELECT 1 FROM keys WHERE name = ?1 AND revoked IS NULL", [name], |_| Ok(()))
            .optional()
            .map_err(|e| self.fail(e))?;
        if taken.is_some() {
            return Err(StoreError::NameTaken(name.to_owned()));
        }
        tx.execute(
            "INSERT INTO keys (id, hash, name, tenant, scope, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                &*record.id,
                secret::hash(secrecy::ExposeSecret::expose_secret(&secret)),
                &*record.name,
                record.tenant.as_str(),
                scope,
                micros(record.created),
            ],
        )
        .map_err(|e| self.fail(e))?;
        tx.commit().map_err(|e| self.fail(e))?;
        Ok((record, secret))
    }

    /// All keys, revoked ones included, oldest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn list(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.all()?.into_iter().map(|(_, record)| record).collect())
    }

    /// Puts a key out of force, for good. A second time changes nothing.
    ///
    /// # Errors
    /// When no key has that id and none in force that name, or the file cannot be written.
    pub fn revoke(&self, id_or_name: &str) -> Result<KeyRecord, StoreError> {
        let mut conn = lock(&self.conn);
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|e| self.fail(e))?;
        let found = tx
            .query_row(
                &format!("SELECT {COLUMNS} FROM keys WHERE id = ?1 OR (name = ?1 AND revoked IS NULL)"),
                [id_or_name],
                |row| key(row, 0),
            )
            .optional()
            .map_err(|e| self.fail(e))?;
        let mut record = found.ok_or_else(|| StoreError::NoSuchKey(id_or_name.to_owned()))??;
        if record.revoked.is_none() {
            record.revoked = Some(now());
            tx.execute(
                "UPDATE keys SET revoked = ?2 WHERE id = ?1",
                params![&*record.id, record.revoked.map(micros)],
            )
            .map_err(|e| self.fail(e))?;
            tx.commit().map_err(|e| self.fail(e))?;
        }
        Ok(record)
    }

    /// All keys with the hashes of their secrets.
    fn all(&self) -> Result<Vec<(secret::Hash, KeyRecord)>, StoreError> {
        let conn = lock(&self.conn);
        let rows = conn
            .prepare_cached(&format!("SELECT hash, {COLUMNS} FROM keys ORDER BY created, id"))
            .and_then(|mut all| {
                all.query_map([], |row| Ok((row.get::<_, secret::Hash>(0)?, key(row, 1)?)))?
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(|e| self.fail(e))?;
        rows.into_iter().map(|(hash, record)| Ok((hash, record?))).collect()
    }

    /// Changes when another connection has written to the file.
    fn version(&self) -> Result<i64, StoreError> {
        lock(&self.conn)
            .query_row("SELECT data_version FROM pragma_data_version", [], |row| row.get(0))
            .map_err(|e| self.fail(e))
    }

    fn fail(&self, source: rusqlite::Error) -> StoreError {
        StoreError::of(&self.path, SCHEMA.what, source)
    }
}

/// The key in a row whose columns begin at `at`. The inner error is a scope this program cannot read.
fn key(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Result<KeyRecord, StoreError>> {
    let id: Arc<str> = row.get(at)?;
    let scope: String = row.get(at + 3)?;
    let (name, tenant): (Arc<str>, String) = (row.get(at + 1)?, row.get(at + 2)?);
    let (created, revoked): (u64, Option<u64>) = (row.get(at + 4)?, row.get(at + 5)?);
    Ok(serde_json::from_str(&scope).map_err(|source| unreadable(&id, source)).map(|scope| KeyRecord {
        id,
        name,
        tenant: tenant.into(),
        scope,
        created: Timestamp(created),
        revoked: revoked.map(Timestamp),
    }))
}

fn unreadable(id: &str, source: serde_json::Error) -> StoreError {
    StoreError::Record { id: id.to_owned(), part: "scope", source }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    Timestamp(u64::try_from(since).unwrap_or(u64::MAX))
}

fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
