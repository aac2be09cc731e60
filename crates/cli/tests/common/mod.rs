//! The built binary, driven from outside. Every wait is bounded, and what was started is ended by its own id.
#![allow(dead_code, reason = "each test file uses its own part of it")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Nothing a test waits for takes longer.
pub(crate) const AT_MOST: Duration = Duration::from_secs(30);

/// The binary with nothing of this machine's accounts and state.
pub(crate) fn pointsman(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.env_clear();
    for kept in ["PATH", "TMPDIR", "SYSTEMROOT"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.env("POINTSMAN_HOME", home).env("NO_PROXY", "127.0.0.1").stdin(Stdio::null());
    command
}

/// Runs to the end.
pub(crate) fn run(home: &Path, args: &[&str]) -> Output {
    finish(pointsman(home).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// Waits for the end.
pub(crate) fn finish(mut child: Child) -> Output {
    let (stdout, stderr) = (read_all(child.stdout.take()), read_all(child.stderr.take()));
    let deadline = Instant::now() + AT_MOST * 2;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("the command did not end in time");
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Output { status, stdout: stdout.recv().unwrap(), stderr: stderr.recv().unwrap() }
}

/// What it answered.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it noted.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A gateway that runs.
pub(crate) struct Gateway {
    pub(crate) child: Child,
    pub(crate) base: String,
}

impl Gateway {
    /// Starts `serve` on a free port, and waits until it says where.
    pub(crate) fn start(command: &mut Command, args: &[&str]) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut gateway = Self { child, base: String::new() };
        let stderr = read_all(gateway.child.stderr.take());
        let (lines, said) = channel();
        let stdout = gateway.child.stdout.take().unwrap();
        std::thread::spawn(move || {
            // Read to its end, so that the gateway never waits for a reader.
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut seen = Vec::new();
        while gateway.base.is_empty() {
            let Ok(line) = said.recv_timeout(AT_MOST) else {
                gateway.kill();
                let stderr = String::from_utf8(stderr.recv_timeout(AT_MOST).unwrap()).unwrap();
                panic!("it never said where it listens: {seen:?}\n{stderr}");
            };
            if let Some((_, base)) = line.split_once("listens on ") {
                base.trim().clone_into(&mut gateway.base);
            }
            seen.push(line);
        }
        gateway
    }

    /// A path of it.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read_all(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut stream) = stream {
            stream.read_to_end(&mut all).unwrap();
        }
        // Nobody may wait for it.
        let _ = sender.send(all);
    });
    receiver
}
