use std::path::PathBuf;

use pointsman_encode::StaticTable;
use serde_json::Value;

use super::{EvalError, EvalOptions, EvalReport, Evaluation, assign_models, evaluate, onboarding};
use crate::artifact::{Artifact, Body};
use crate::estimate::constant::Constant;
use crate::estimate::{Head, Named};
use crate::table::{Split, Table};
use crate::train::tests::table;
use crate::train::{TrainOptions, train};

const POOL: [&str; 8] = [
    "claude-3-5-sonnet-20241022",
    "gpt-4o-2024-08-06",
    "gpt-4o-mini-2024-07-18",
    "gemini-1.5-flash",
    "deepseek-v2.5-0908",
    "Meta-Llama-3.1-8B-Instruct",
    "Mistral-Large-2",
    "claude-3-haiku-20240307",
];

fn judge(table: &Table, options: &EvalOptions) -> Result<EvalReport, EvalError> {
    evaluate(table, None, StaticTable::embedded(), options, &mut |_| {})
}

fn few() -> EvalOptions {
    EvalOptions { resamples: 100, ..EvalOptions::default() }
}

#[test]
fn the_document_has_the_agreed_names_and_figures_that_hang_together() {
    let (_folder, table) = table(240, false, 11);
    let report = judge(&table, &EvalOptions { versus: Some("constant".into()), ..few() }).unwrap();
    let json: Value = serde_json::to_value(&report).unwrap();
    for path in [
        "/data",
        "/split",
        "/prompts",
        "/left_out",
        "/models",
        "/encoder",
        "/default",
        "/baselines/best_single/model",
        "/baselines/best_single/quality",
        "/baselines/best_single/cost_usd",
        "/baselines/best_constant",
        "/baselines/cheapest/model",
        "/baselines/random/quality",
        "/baselines/zero_router/aiq",
        "/baselines/zero_router/aiq_log",
        "/baselines/zero_router/cost_at_quality_hull/0.99",
        "/baselines/oracle/quality",
        "/routers/moma/curve/0/lambda",
        "/routers/moma/cost_at_quality/1.00",
        "/routers/moma/cost_at_quality_hull/0.95",
        "/routers/moma/quality_first",
        "/routers/moma/aiq",
        "/routers/moma/aiq_log",
        "/routers/moma/gain_over_zero",
        "/routers/moma/gain_over_zero_ci/1",
        "/routers/moma/oracle_utility/0.02",
        "/routers/moma/oracle_utility/0.3",
        "/routers/moma/brier",
        "/routers/moma/ece",
        "/routers/moma/decision_us/p50",
        "/routers/moma/decision_us/p99",
        "/routers/moma/served/curve/10/prefer",
        "/routers/moma/served/aiq_log",
        "/routers/moma/served/oracle_utility/0.1",
        "/routers/moma/served/oracle_utility_ci/0.1/1",
        "/routers/moma/reliability/9/observed",
        "/data_hash",
        "/versus/differences/moma/served_gain_over_zero/ci/0",
        "/routers/knn",
        "/routers/ridge",
        "/versus/differences/moma/gain_over_zero/ci/0",
    ] {
        assert!(json.pointer(path).is_some(), "{path} is missing");
    }
    assert_eq!(json["encoder"], "static-1");
    assert_eq!((report.prompts, report.left_out, report.models.len()), (60, 0, 3));
    let moma = &report.routers["moma"];
    assert_eq!(moma.served.curve.len(), 21);
    assert_eq!(
        json.pointer("/routers/moma/curve/50/lambda"),
        Some(&Value::Null),
        "the predicted-cheapest pick"
    );
    for utility in [&moma.oracle_utility, &moma.served.oracle_utility] {
        assert!(utility.values().all(|share| *share > 0.5 && *share <= 1.0), "{utility:?}");
    }
    assert!(
        (moma.figures.gain_over_zero - 100.0 * (moma.figures.aiq_log - report.baselines.zero_router.aiq_log))
            .abs()
            < 1e-9
    );
    let [low, high] = moma.figures.gain_over_zero_ci;
    assert!(low <= moma.figures.gain_over_zero && moma.figures.gain_over_zero <= high);
    assert!(report.baselines.oracle.quality >= moma.figures.quality_first);
    assert_eq!(report.baselines.best_single.model, "dear");
    assert!(report.to_string().lines().all(|line| line.chars().count() <= 100), "{report}");
}

#[test]
fn rows_that_lack_an_outcome_are_left_out_for_all_and_counted() {
    let (folder, _) = table(240, false, 12);
    let file = folder.path().join("outcomes.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    let blank = |line: &str| match line.split(',').collect::<Vec<_>>().as_slice() {
        ["p8", "odd", _, cost, rest @ ..] => format!("p8,odd,,{cost},{}", rest.join(",")),
        ["p12", "cheap", quality, _, rest @ ..] => format!("p12,cheap,{quality},,{}", rest.join(",")),
        _ => line.to_owned(),
    };
    std::fs::write(&file, text.lines().map(blank).collect::<Vec<_>>().join("\n")).unwrap();
    let report = judge(&Table::read(folder.path()).unwrap(), &few()).unwrap();
    assert_eq!((report.prompts, report.left_out), (58, 2));
}

#[test]
fn cross_validation_judges_every_row_once_and_wins_where_there_is_something_to_learn() {
    let (_folder, table) = table(240, false, 13);
    let report = judge(&table, &EvalOptions { split: Split::All, folds: Some(3), ..few() }).unwrap();
    assert_eq!(report.prompts, 240);
    assert!(report.routers[&report.default].figures.gain_over_zero_ci[0] > 0.0);
}

#[test]
fn texts_on_both_sides_of_a_split_are_refused_with_their_ids_and_kept_together_by_folds() {
    let (folder, _) = table(240, false, 17);
    let file = folder.path().join("prompts.jsonl");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // Prompt 8 is judged and becomes prompt 9, but for case and spacing.
    let prompt =
        |line: &str| serde_json::from_str::<Value>(line).unwrap()["prompt"].as_str().unwrap().to_owned();
    let doubled = lines[8].replace(&prompt(lines[8]), &format!("  {}", prompt(lines[9]).to_uppercase()));
    std::fs::write(&file, text.replace(lines[8], &doubled)).unwrap();
    let table = Table::read(folder.path()).unwrap();
    let refused = judge(&table, &few()).unwrap_err().to_string();
    assert!(
        refused.contains("prompts.jsonl: 1 prompts with split dev") && refused.contains("p9 = p8"),
        "{refused}"
    );
    let folds = EvalOptions { split: Split::All, folds: Some(2), ..few() };
    assert_eq!(judge(&table, &folds).unwrap().seen_in_training, 0);
}

#[test]
fn rows_that_were_trained_on_are_counted_and_the_control_tells_learning_from_luck() {
    let (_folder, known) = table(240, false, 18);
    let report = judge(&known, &EvalOptions { split: Split::Train, ..few() }).unwrap();
    assert_eq!(report.seen_in_training, 180);
    assert!(report.to_string().contains("CAUTION: 180 of these prompts were trained on"));
    let options = EvalOptions { split: Split::All, folds: Some(3), control: true, ..few() };
    let control = judge(&known, &options).unwrap().control.unwrap();
    assert!(control["moma"].above && control["ridge"].above && !control["constant"].learns);
    assert!((control["constant"].difference).abs() < 1e-9);
    let (_folder, noise) = table(240, true, 18);
    let control = judge(&noise, &options).unwrap().control.unwrap();
    assert!(!control["moma"].above && !control["ridge"].above, "{control:?}");
}

#[test]
fn a_model_left_out_is_placed_better_by_the_others_than_by_its_own_mean() {
    let (_folder, known) = table(440, false, 23);
    let options = EvalOptions { split: Split::All, folds: Some(2), ..few() };
    let report = onboarding(&known, StaticTable::embedded(), &options, &mut |_| {}).unwrap();
    assert_eq!((report.models.len(), report.folds), (3, 2));
    // By definition the mean of 100 labels recovers nothing, and of fewer labels less than that.
    assert!(report.recovered["mean"]["100"].abs() < 1e-9 && report.recovered["mean"]["10"] < 0.0);
    let cheap = &report.brier["cheap"];
    assert!(cheap.all_labels < cheap.mean_of_100, "{cheap:?}");
    // The two known models hardly mind what `cheap` minds, so the map has little to go by; it must never be worse.
    for labels in ["10", "25", "50", "100"] {
        assert!(cheap.methods["column"][labels] < cheap.methods["mean"][labels], "{cheap:?}");
    }
    let few = EvalOptions { split: Split::All, folds: Some(5), ..few() };
    let refused = onboarding(&known, StaticTable::embedded(), &few, &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("draws 100 labels"), "{refused}");
}

#[test]
fn pools_go_to_the_tables_that_have_them() {
    let (first, _) = table(40, false, 19);
    let (second, _) = table(40, false, 20);
    let tables = [Table::read(first.path()).unwrap(), Table::read(second.path()).unwrap()];
    let given = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let own = format!("{}=cheap, odd", tables[1].name);
    let pools = assign_models(&given(&["cheap,dear", &own]), &tables).unwrap();
    assert_eq!(pools, [Some(given(&["cheap", "dear"])), Some(given(&["cheap", "odd"]))]);
    assert_eq!(assign_models(&[], &tables).unwrap(), [None, None]);
    let fault = |text: &str| assign_models(&given(&[text]), &tables).unwrap_err().to_string();
    assert!(fault("cheap,nobody").starts_with("model `nobody` is not in table"));
    assert!(fault("elsewhere=cheap").starts_with("`elsewhere=cheap` names no table among"));
}

#[test]
fn several_tables_have_a_mean_and_a_page_with_every_picture() {
    let (folders, tables): (Vec<_>, Vec<_>) =
        [21, 22].map(|seed| table(160, false, seed)).into_iter().unzip();
    let options = EvalOptions { versus: Some("constant".into()), control: true, ..few() };
    let reports = tables.iter().map(|table| judge(table, &options).unwrap()).collect();
    let found = Evaluation::new(reports, &options);
    let mean = found.mean.as_ref().unwrap();
    let own = |at: usize| found.tables[at].routers["moma"].figures.gain_over_zero;
    assert!((mean.routers["moma"].gain_over_zero - f64::midpoint(own(0), own(1))).abs() < 1e-9);
    assert!(mean.versus.as_ref().unwrap()["moma"].ci[0] > 0.0);
    assert!(mean.control.as_ref().unwrap()["moma"].above);
    assert!(found.to_string().lines().all(|line| line.chars().count() <= 100), "{found}");
    let page = folders[0].path().join("results.md");
    found.write_markdown(&page, "pointsman eval --data a b").unwrap();
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(text.contains("    pointsman eval --data a b\n") && text.contains(&found.tables[1].data_hash));
    let pictures: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert_eq!(pictures.len(), 4);
    assert!(pictures.iter().all(|picture| folders[0].path().join(picture).is_file()), "{pictures:?}");
}

#[test]
fn what_cannot_be_judged_is_said_plainly() {
    let (_folder, table) = table(120, false, 14);
    let fault = |options: EvalOptions| judge(&table, &options).unwrap_err().to_string();
    let models = Some(vec!["cheap".to_owned(), "nobody".to_owned()]);
    assert!(fault(EvalOptions { models, ..few() }).starts_with("model `nobody` is not in table"));
    assert!(fault(EvalOptions { split: Split::Test, ..few() }).contains("no prompt with split test"));
    assert!(fault(EvalOptions { folds: Some(1), ..few() }).starts_with("1 folds are too few"));
    let one = Some(vec!["cheap".to_owned()]);
    assert!(fault(EvalOptions { models: one, ..few() }).contains("a pool needs two"));
    assert!(
        fault(EvalOptions { versus: Some("nobody".into()), ..few() })
            .starts_with("there is no router `nobody`")
    );
    let mut other = Body { encoder: "other:1".into(), ..(*Artifact::embedded().body).clone() };
    other.places.clear();
    let other = Artifact::new(other).unwrap();
    let refused = evaluate(&table, Some(&other), StaticTable::embedded(), &few(), &mut |_| {}).unwrap_err();
    assert!(refused.to_string().contains("needs encoder other:1"), "{refused}");
}

#[test]
fn an_artifact_that_knows_none_of_the_pool_is_judged_by_its_prior() {
    let (_folder, table) = table(120, false, 15);
    let report =
        evaluate(&table, Some(Artifact::embedded()), StaticTable::embedded(), &few(), &mut |_| {}).unwrap();
    assert_eq!(report.baselines.best_single.model, "dear");
    assert_eq!(report.artifact.as_deref(), Some(Artifact::embedded().hash()));
}

#[test]
fn the_picture_shows_every_single_model() {
    let (folder, table) = table(120, false, 16);
    let file = folder.path().join("picture.svg");
    judge(&table, &few()).unwrap().plot(&file).unwrap();
    let svg = std::fs::read_to_string(file).unwrap();
    assert!(
        svg.starts_with("<svg")
            && ["cheap", "dear", "odd", "moma", "random mixes"].iter().all(|w| svg.contains(w))
    );
    let nowhere = judge(&table, &few()).unwrap().plot(&PathBuf::from("no/such/folder/x.svg")).unwrap_err();
    assert!(nowhere.to_string().starts_with("no/such/folder/x.svg: the picture cannot be drawn"));
}

/// The selector must not run to the cheapest model when estimates say little: neither with each model's training mean for
/// every prompt, nor with the head's spread around those means halved.
#[test]
fn balanced_keeps_its_quality_when_estimates_say_little() {
    let Some(data) = std::env::var_os("POINTSMAN_DATA") else {
        eprintln!("skipped: set POINTSMAN_DATA to the folder that holds zeroeval");
        return;
    };
    let table = Table::read(&PathBuf::from(data).join("zeroeval")).unwrap();
    let tables = std::slice::from_ref(&table);
    let (artifact, _) =
        train(tables, StaticTable::embedded(), &TrainOptions::default(), &mut |_| {}).unwrap();
    let mut body = (*artifact.body).clone();
    let mean: Vec<f32> = body.models.iter().map(|model| model.mean_quality as f32).collect();
    let sd = vec![0.1; mean.len()];
    for head in ["ridge", "moma", "stack"] {
        let at = body.heads.iter().position(|named| named.name == head).unwrap();
        let member =
            |weight| crate::estimate::stack::Member { head: at as u32, common: weight, difference: weight };
        let groups = vec![(0..mean.len() as u32).collect()];
        let stack = crate::estimate::stack::Stack { mean: mean.clone(), groups, members: vec![member(0.5)] };
        body.heads.push(Named { name: format!("half {head}"), head: Head::Stack(stack), sd: sd.clone() });
    }
    let means = Head::Constant(Constant { mean });
    body.heads.push(Named { name: "means".into(), head: means, sd });
    let artifact = Artifact::new(body).unwrap();
    let options = EvalOptions { models: Some(POOL.map(str::to_owned).into()), ..few() };
    let report = evaluate(&table, Some(&artifact), StaticTable::embedded(), &options, &mut |_| {}).unwrap();
    let best = report.baselines.best_single.quality;
    for name in ["means", "half ridge", "half moma", "half stack"] {
        let balanced = &report.routers[name].served.curve[10];
        assert!(balanced.quality >= 0.97 * best, "{name}: {} of {best}", balanced.quality);
        eprintln!("{name}: {:.3} of {best:.3} at {:.6} USD", balanced.quality, balanced.cost_usd);
    }
    for head in ["moma", artifact.default_name()] {
        let gain = report.routers[head].figures.gain_over_zero;
        assert!(gain > 0.0, "{head}: {gain}");
    }
}
