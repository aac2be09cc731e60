//! `pointsman keys`: who may call the gateway, as whom, and what for.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use pointsman_gateway::config::Env;
use pointsman_gateway::launch;
use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::{Scope, Tenant};
use pointsman_store::{KeyRecord, Keys};
use secrecy::ExposeSecret;

use crate::term;

/// Client keys: shown once, stored as a hash, scoped to routes and targets. A running gateway takes up changes within a
/// second
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make a key. Its secret is printed on standard output, once; from the first key on, every request needs one
    Create {
        /// A name for people, unique among keys in force
        name: String,
        /// Whose requests it sends: conversations and records are kept apart by tenant. Default: the name
        #[arg(long)]
        tenant: Option<String>,
        /// Routes it may use, such as auto; a name may end in *. By name it may then ask for the models these routes
        /// choose among, unless --targets says which. Default: all
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        routes: Option<Vec<String>>,
        /// Targets it may use, by name and through its routes; a name may end in *. Default: those its routes choose
        /// among where --routes is given, else all
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        targets: Option<Vec<String>>,
        /// What it is granted besides, for agents whose `scopes` require it. Default: nothing
        #[arg(long, value_delimiter = ',', value_name = "A,B")]
        grants: Vec<String>,
    },
    /// List all keys, revoked ones too. Secrets cannot be shown again
    List {
        /// One JSON document on standard output
        #[arg(long)]
        json: bool,
    },
    /// Put a key out of force, for good
    Revoke {
        /// Its id (key_...) or, while it is in force, its name
        #[arg(value_name = "ID_OR_NAME")]
        key: String,
    },
}

/// Makes, lists or revokes keys.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let keys = Keys::open(&launch::keys_path(&launch::home(&Env::of_process())))?;
    match &args.command {
        Command::Create { name, tenant, routes, targets, grants } => {
            let tenant = tenant.as_deref().map(Tenant::from);
            let scope = Scope { routes: routes.clone(), targets: targets.clone(), grants: grants.clone() };
            let (record, secret) = keys.create(name, tenant.as_ref(), scope)?;
            term::note(format_args!("{} of tenant {}: {}", record.id, record.tenant, allowed(&record.scope)));
            term::note("send it as `authorization: Bearer ...`; it is not shown again:");
            term::say(secret.expose_secret())?;
        }
        Command::List { json: true } => term::say_json(&keys.list()?)?,
        Command::List { json: false } => list(&keys.list()?)?,
        Command::Revoke { key } => {
            let record = keys.revoke(key)?;
            term::say(format_args!("{} ({}) is revoked", record.id, record.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(all: &[KeyRecord]) -> anyhow::Result<()> {
    if all.is_empty() {
        term::say("no keys: on loopback anyone may call; `pointsman keys create NAME` makes the first")?;
        return Ok(());
    }
    let mut table = term::table(&["id", "name", "tenant", "may use", "age", "state"], &[4]);
    for key in all {
        let state = if key.revoked.is_some() { "revoked" } else { "in force" };
        let row = [&*key.id, &*key.name, key.tenant.as_str(), &allowed(&key.scope), &age(key.created), state];
        table.add_row(row);
    }
    Ok(term::say(term::text_of(&table))?)
}

fn allowed(scope: &Scope) -> String {
    let granted = match scope.grants.as_slice() {
        [] => String::new(),
        grants => format!("; granted {}", grants.join(", ")),
    };
    let may = match (&scope.routes, &scope.targets) {
        (None, None) => "everything".to_owned(),
        (None, Some(targets)) => format!("all routes; targets {}", targets.join(", ")),
        (Some(routes), None) => format!("routes {}; the targets they choose among", routes.join(", ")),
        (Some(routes), Some(targets)) => {
            format!("routes {}; targets {}", routes.join(", "), targets.join(", "))
        }
    };
    may + &granted
}

fn age(since: Timestamp) -> String {
    let began = SystemTime::UNIX_EPOCH + Duration::from_micros(since.0);
    let seconds = SystemTime::now().duration_since(began).map_or(0, |age| age.as_secs());
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}
