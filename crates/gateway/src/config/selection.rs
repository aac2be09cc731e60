//! How a route chooses, as the file says it: a selector with its settings, how careful it is, what it asks for besides.

use std::sync::Arc;

use pointsman_kernel::select::chebyshev::Chebyshev;
use pointsman_kernel::select::constraints::Constraints;
use pointsman_kernel::select::do_no_harm::{DEFAULT_Z, DoNoHarm};
use pointsman_kernel::select::ladder::Ladder;
use pointsman_kernel::select::robust::Robust;
use pointsman_kernel::select::threshold::Threshold;
use pointsman_kernel::select::topsis::Topsis;
use pointsman_kernel::select::utility::Utility;
use pointsman_kernel::{Money, Selector as Ranks};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Words that a robust route's second reading leaves out unless told otherwise.
const STRIP_WORDS: u16 = 16;

/// Who orders the candidates: a name, or a name with settings such as `utility: {worth_usd: 0.02}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Selector {
    /// The Pareto frontier, then TOPSIS by the preference.
    #[default]
    Topsis,
    /// Quality less what it costs.
    Utility(UtilitySettings),
    /// The first rung of a ladder of prices that is sure enough.
    Ladder(LadderSettings),
    /// A strong and a weak target and one threshold.
    Threshold(ThresholdSettings),
    /// The least worst of missing quality and cost.
    Chebyshev,
    /// Weighs what flags ask for besides: cost, latency, length.
    Constraints,
}

/// Settings of `utility`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UtilitySettings {
    /// What a right answer is worth in USD. Default: what the dearest usual calls of the route's targets cost.
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub worth_usd: Option<f64>,
}

/// Settings of `ladder`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LadderSettings {
    /// The exponent of the threshold `prefer^gamma`: the smaller, the surer a rung must be.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub gamma: f64,
}

/// Settings of `threshold`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThresholdSettings {
    /// The strong target. Default: the one predicted best.
    pub strong: Option<String>,
    /// The weak target. Default: the one predicted cheapest.
    pub weak: Option<String>,
    /// Probability of the strong one winning from which it answers. Default: one minus the preference.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at: Option<f64>,
}

/// Whether the best constant choice is left on evidence only: `off`, or how much evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Caution {
    /// The selector's word is taken as it is.
    Off(Off),
    /// It needs evidence.
    On(CautionSettings),
}

/// The word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Off {
    /// Off.
    Off,
}

/// How much evidence it takes to leave the best constant choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CautionSettings {
    /// How many standard deviations of the prediction's error a departure must be clear of.
    #[schemars(range(min = 0.0, max = 10.0))]
    pub z: f64,
}

/// Whether a prompt is read more than once: `on` or `off`, or how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Robustness {
    /// With the default settings, or not at all.
    Word(Whether),
    /// As said.
    On(RobustSettings),
}

/// The words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whether {
    /// More than once.
    On,
    /// Once.
    Off,
}

/// How a prompt is read more than once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RobustSettings {
    /// Words that the second reading leaves out at the end.
    #[schemars(range(min = 1, max = 256))]
    pub strip_words: u16,
    /// Targets that are chosen only where every reading chooses them.
    pub guarded: Vec<String>,
}

impl Selector {
    /// The selector over all readings of a prompt, where there are several.
    pub(crate) fn build_over(&self, caution: &Caution, robust: Option<&RobustSettings>) -> Arc<dyn Ranks> {
        let one = self.build(caution);
        match robust {
            Some(settings) => {
                let guarded = settings.guarded.iter().map(|id| id.as_str().into()).collect();
                Arc::new(Robust::over(one, guarded))
            }
            None => one,
        }
    }

    /// The selector, kept from harm as far as asked.
    fn build(&self, caution: &Caution) -> Arc<dyn Ranks> {
        let plain: Arc<dyn Ranks> = match self {
            Self::Topsis => Arc::new(Topsis),
            Self::Utility(settings) => Arc::new(Utility { worth: settings.worth_usd.map(Money::from_usd) }),
            Self::Ladder(settings) => Arc::new(Ladder { gamma: settings.gamma }),
            Self::Threshold(settings) => Arc::new(Threshold {
                strong: settings.strong.as_deref().map(Into::into),
                weak: settings.weak.as_deref().map(Into::into),
                at: settings.at,
            }),
            Self::Chebyshev => Arc::new(Chebyshev),
            Self::Constraints => Arc::new(Constraints),
        };
        match caution {
            Caution::Off(_) => plain,
            Caution::On(settings) => Arc::new(DoNoHarm::over(plain, settings.z)),
        }
    }

    /// Whether weights among a request's flags mean something to it.
    pub(crate) fn reads_flags(&self) -> bool {
        *self == Self::Constraints
    }
}

impl Robustness {
    /// The settings, where a prompt is read more than once.
    pub(crate) fn settings(&self) -> Option<RobustSettings> {
        match self {
            Self::Word(Whether::Off) => None,
            Self::Word(Whether::On) => Some(RobustSettings::default()),
            Self::On(settings) => Some(settings.clone()),
        }
    }
}

impl Default for Robustness {
    fn default() -> Self {
        Self::Word(Whether::Off)
    }
}

impl Default for RobustSettings {
    fn default() -> Self {
        Self { strip_words: STRIP_WORDS, guarded: Vec::new() }
    }
}

impl Default for LadderSettings {
    fn default() -> Self {
        Self { gamma: Ladder::default().gamma }
    }
}

impl Default for CautionSettings {
    fn default() -> Self {
        Self { z: DEFAULT_Z }
    }
}

impl Default for Caution {
    fn default() -> Self {
        Self::On(CautionSettings::default())
    }
}

impl JsonSchema for Caution {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DoNoHarm".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let settings = generator.subschema_for::<CautionSettings>();
        json_schema!({"oneOf": [{"const": "off", "description": "The selector's word is taken as it is."}, settings]})
    }
}

impl JsonSchema for Robustness {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Robust".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let settings = generator.subschema_for::<RobustSettings>();
        json_schema!({"oneOf": [
            {"const": "on", "description": "With the default settings."},
            {"const": "off", "description": "Each prompt is read once."},
            settings,
        ]})
    }
}
