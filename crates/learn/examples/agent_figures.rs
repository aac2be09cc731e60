//! The figures of the agent stage on public data: `cargo run --release -p pointsman-learn --example agent_figures -- DATA ENCODER [NAME...]`.
//!
//! `DATA` holds folders as `agents train` reads them; `ENCODER` is `static-1` or one that `pointsman encoder fetch` brought into
//! `$POINTSMAN_HOME`; names choose among the figures. Nothing is kept.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for people at a terminal")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a program for people at a terminal")]

#[path = "agent_figures/rows.rs"]
mod rows;

use std::path::Path;
use std::sync::Arc;

use pointsman_encode::{Encoder, Installed};
use pointsman_kernel::agents::Registry;
use pointsman_learn::Split;
use pointsman_learn::agents::{
    AgentEvalOptions, AgentReport, AgentTrainOptions, Dialogue, EncodeOnce, Index, LeaveOut, Rewording,
    evaluate_agents, leave_out, read_agents, read_dialogues, train_agents,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().expect("the folder of data");
    let name = arguments.next().expect("the encoder's name");
    let names: Vec<String> = arguments.collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|of| of == name);
    let installed = Installed::in_home(std::env::var_os("POINTSMAN_HOME").unwrap_or_default().as_ref());
    let library = std::env::var(pointsman_encode::installed::LIBRARY_VARIABLE).ok();
    let runtime = installed.runtime(None, library.as_deref());
    let slow = installed.open(&name, &runtime).expect("the encoder");
    let once = EncodeOnce::new(&*slow);
    let encoder: &dyn Encoder = &once;
    let data = Path::new(&data);
    if wanted("sgd") {
        sgd(&data.join("sgd"), encoder, false);
    }
    if wanted("sgd-out") {
        sgd(&data.join("sgd"), encoder, true);
    }
    if wanted("bfcl_multiturn") {
        let folder = data.join("bfcl_multiturn");
        let registry = read_agents(&folder, None).expect("a registry");
        let all = read_dialogues(&folder, Split::All, &registry, None, false).expect("dialogues");
        let options = (&AgentTrainOptions::default(), &AgentEvalOptions::default());
        let report = leave_out(LeaveOut::Folds(5), &registry, &all, &[], encoder, options, &mut |_| ());
        say("bfcl_multiturn, 5 folds", &report.expect("figures"));
    }
    if wanted("none") {
        rows::none(data, encoder);
    }
    if wanted("ten") {
        rows::ten(data, encoder);
    }
    if wanted("metatool") {
        rows::metatool(data, encoder);
    }
    if wanted("bfcl_tools") {
        rows::bfcl_tools(data, encoder);
    }
    if wanted("speed") {
        rows::speed(data, encoder);
    }
}

fn sgd(folder: &Path, encoder: &dyn Encoder, out: bool) {
    let whole = read_agents(folder, None).expect("a registry");
    let learn = read_dialogues(folder, Split::Train, &whole, None, false).expect("dialogues");
    let test = read_dialogues(folder, Split::Dev, &whole, None, false).expect("dialogues");
    let options = AgentTrainOptions::default();
    let free = AgentEvalOptions::default();
    let own = AgentEvalOptions { own_agents: true, ..free.clone() };
    let given = AgentEvalOptions { given_history: true, ..free.clone() };
    let (source, of_source) = source_dev(&whole, &test);
    if out {
        let of_source_only = |dialogue: &&Dialogue| {
            dialogue.agents.iter().all(|agent| source.place(&agent.as_str().into()).is_some())
        };
        let learn: Vec<Dialogue> = learn.iter().filter(of_source_only).cloned().collect();
        for (name, judging) in [("own", &own), ("all", &free), ("all, given history", &given)] {
            let options = (&options, judging);
            let run =
                leave_out(LeaveOut::Categories, &source, &learn, &of_source, encoder, options, &mut |_| ());
            let report = run.expect("figures");
            say(&format!("sgd, the source's dev registry, each domain left out, {name}"), &report);
        }
        return;
    }
    let model = Arc::new(train_agents(&whole, &learn, encoder, &options, &mut |_| ()).expect("a model"));
    let index =
        |registry: &Registry| Index::new(registry, Some(Arc::clone(&model)), encoder).expect("an index");
    let judge = |name: &str, registry: &Registry, test: &[Dialogue], judging: &AgentEvalOptions| {
        let report = evaluate_agents(&index(registry), test, encoder, judging, &mut |_| ());
        say(name, &report.expect("figures"));
    };
    judge("sgd, own agents", &whole, &test, &own);
    judge("sgd, 34 agents", &whole, &test, &free);
    judge("sgd, 34 agents, given history", &whole, &test, &given);
    judge("sgd, the source's dev registry", &source, &of_source, &free);
    judge("sgd, the source's dev registry, given history", &source, &of_source, &given);
    for digit in ['1', '2', '3', '4', '5'] {
        let reworded =
            read_agents(&folder.join("services_paraphrased.jsonl.zst"), Some(&format!("v{digit}")));
        let reworded = reworded.expect("a registry");
        let test =
            read_dialogues(folder, Split::Dev, &reworded, Some(Rewording(digit)), true).expect("dialogues");
        judge(&format!("sgd, reworded {digit}, own agents"), &reworded, &test, &own);
        judge(&format!("sgd, reworded {digit}, all"), &reworded, &test, &free);
        judge(&format!("sgd, reworded {digit}, all, given history"), &reworded, &test, &given);
        let (source, of_source) = source_dev(&reworded, &test);
        judge(&format!("sgd, reworded {digit}, the source's dev registry"), &source, &of_source, &free);
        judge(
            &format!("sgd, reworded {digit}, the source's dev registry, given history"),
            &source,
            &of_source,
            &given,
        );
    }
}

/// The dialogues whose ids say that they come from the source's dev part, and the agents they are about.
fn source_dev(whole: &Registry, test: &[Dialogue]) -> (Registry, Vec<Dialogue>) {
    let of: Vec<Dialogue> = test.iter().filter(|dialogue| dialogue.id.starts_with("dev/")).cloned().collect();
    let about = |name: &str| of.iter().any(|dialogue| dialogue.agents.iter().any(|agent| agent == name));
    let agents = whole.agents().iter().filter(|agent| about(agent.id().as_str())).cloned().collect();
    (Registry::new(agents).expect("a registry"), of)
}

fn say(name: &str, report: &AgentReport) {
    println!("{name}\n  {}", serde_json::to_string(report).expect("json"));
}
