//! How each target is doing: its breaker, the calls that run, and how fast it begins to answer.
//!
//! Keyed by target id, so it survives a reload of the configuration. The rules are the kernel's
//! ([`pointsman_kernel::health`]); here is only the state and its locks, none of which is held across a wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use pointsman_kernel::facts::Timestamp;
use pointsman_kernel::health::{Availability, Breaker, BreakerPolicy, Sign};
use pointsman_kernel::{TargetId, TargetState};

/// The state of every target that was ever called.
#[derive(Debug, Default)]
pub struct HealthBoard {
    policy: RwLock<BreakerPolicy>,
    targets: RwLock<HashMap<TargetId, Arc<State>>>,
}

/// A call that runs. Dropping it says nothing of the target's health.
#[derive(Debug)]
pub(crate) struct InFlight {
    board: Arc<HealthBoard>,
    state: Arc<State>,
    over: bool,
}

#[derive(Debug)]
struct State {
    breaker: Mutex<Breaker>,
    /// Whether the breaker is anything but new: a look at it is spared while all is well.
    troubled: AtomicBool,
    in_flight: AtomicU32,
    /// 0 while unknown.
    head_us: AtomicU64,
    /// When it last answered anybody; 0 while it has not.
    answered: AtomicU64,
}

/// The weight of the newest answer in the average, as a power of two: an eighth.
const NEWEST: u32 = 3;

impl HealthBoard {
    /// A board without any target.
    #[must_use]
    pub fn new(policy: BreakerPolicy) -> Arc<Self> {
        Arc::new(Self { policy: RwLock::new(policy), targets: RwLock::default() })
    }

    /// Changes when breakers open, from now on.
    pub fn set_policy(&self, policy: BreakerPolicy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// The targets that are not ready at `now`. One that is not listed is.
    #[must_use]
    pub fn states(&self, now: Timestamp) -> Vec<TargetState> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let mut states: Vec<TargetState> = targets
            .iter()
            .filter(|(_, state)| state.troubled.load(Relaxed))
            .filter_map(|(id, state)| {
                let availability = state.breaker().availability(&self.policy(), now);
                let in_flight = state.in_flight.load(Relaxed);
                (availability != Availability::Ready).then(|| TargetState {
                    id: id.clone(),
                    availability,
                    in_flight,
                })
            })
            .collect();
        states.sort_by(|one, other| one.id.cmp(&other.id));
        states
    }

    /// Every target that was called, with its state, by id: for metrics and people.
    #[must_use]
    pub fn all(&self, now: Timestamp) -> Vec<TargetState> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let mut states: Vec<TargetState> = targets
            .iter()
            .map(|(id, state)| TargetState {
                id: id.clone(),
                availability: state.breaker().availability(&self.policy(), now),
                in_flight: state.in_flight.load(Relaxed),
            })
            .collect();
        states.sort_by(|one, other| one.id.cmp(&other.id));
        states
    }

    /// How many calls to `target` run now.
    #[must_use]
    pub fn in_flight(&self, target: &TargetId) -> u32 {
        self.known(target).map_or(0, |state| state.in_flight.load(Relaxed))
    }

    /// Microseconds to the head of an answer, averaged with a weight of an eighth for the newest.
    #[must_use]
    pub fn latency_us(&self, target: &TargetId) -> Option<u64> {
        let average = self.known(target)?.head_us.load(Relaxed);
        (average > 0).then_some(average)
    }

    /// Forgets the targets for which `keep` says no.
    pub fn retain(&self, mut keep: impl FnMut(&TargetId) -> bool) {
        self.targets.write().unwrap_or_else(PoisonError::into_inner).retain(|id, _| keep(id));
    }

    /// A call to `target` starts.
    pub(crate) fn started(self: &Arc<Self>, target: &TargetId, now: Timestamp) -> InFlight {
        let state = self.known(target).unwrap_or_else(|| {
            let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
            targets.entry(target.clone()).or_insert_with(|| Arc::new(State::default())).clone()
        });
        state.in_flight.fetch_add(1, Relaxed);
        if state.troubled.load(Relaxed) {
            let mut breaker = state.breaker();
            *breaker = breaker.started(now);
        }
        InFlight { board: self.clone(), state, over: false }
    }

    fn known(&self, target: &TargetId) -> Option<Arc<State>> {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    fn policy(&self) -> BreakerPolicy {
        *self.policy.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InFlight {
    /// The head of its answer has come.
    pub(crate) fn head(&self, head_us: u64) {
        let newest = head_us.max(1);
        let average = self.state.head_us.load(Relaxed);
        let next = if average == 0 { newest } else { average - (average >> NEWEST) + (newest >> NEWEST) };
        // Two at once may lose one of them; an average bears that.
        self.state.head_us.store(next.max(1), Relaxed);
    }

    /// The call has ended.
    pub(crate) fn ended(mut self, now: Timestamp, sign: Sign) {
        self.end(now, sign);
    }

    fn end(&mut self, now: Timestamp, sign: Sign) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        self.state.in_flight.fetch_sub(1, Relaxed);
        let answered = self.state.answered.load(Relaxed);
        let sign = sign.beside_answers((answered > 0).then_some(Timestamp(answered)), now);
        if sign == Sign::Alive {
            self.state.answered.store(now.0, Relaxed);
        }
        if matches!(sign, Sign::Alive | Sign::Nothing) && !self.state.troubled.load(Relaxed) {
            return;
        }
        let mut breaker = self.state.breaker();
        *breaker = breaker.ended(&self.board.policy(), now, sign);
        self.state.troubled.store(*breaker != Breaker::default(), Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.end(Timestamp(0), Sign::Nothing);
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            breaker: Mutex::default(),
            troubled: AtomicBool::new(false),
            in_flight: AtomicU32::new(0),
            head_us: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        }
    }
}

impl State {
    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn board() -> Arc<HealthBoard> {
        let policy = BreakerPolicy {
            failures: 2,
            open_for: Duration::from_secs(1),
            open_at_most: Duration::from_secs(9),
        };
        HealthBoard::new(policy)
    }

    fn call(board: &Arc<HealthBoard>, at: u64, sign: Sign) {
        board.started(&"t".into(), Timestamp(at)).ended(Timestamp(at), sign);
    }

    #[test]
    fn only_targets_that_are_not_ready_are_listed() {
        let board = board();
        call(&board, 0, Sign::Alive);
        call(&board, 0, Sign::Failed);
        assert!(board.states(Timestamp(0)).is_empty());
        call(&board, 0, Sign::Failed);
        let states = board.states(Timestamp(1));
        assert_eq!(states[0].availability, Availability::Open { until: Timestamp(1_000_000) });
        let probe = board.started(&"t".into(), Timestamp(1_000_000));
        assert_eq!(board.states(Timestamp(1_000_000))[0].availability, Availability::Probing);
        assert_eq!(board.states(Timestamp(1_000_000))[0].in_flight, 1);
        probe.ended(Timestamp(1_000_001), Sign::Alive);
        assert!(board.states(Timestamp(1_000_001)).is_empty());
        assert_eq!(board.all(Timestamp(0)).len(), 1);
    }

    #[test]
    fn a_dropped_call_is_no_longer_in_flight_and_frees_the_probe() {
        let board = board();
        call(&board, 0, Sign::Busy(Duration::from_secs(1)));
        let probe = board.started(&"t".into(), Timestamp(2_000_000));
        assert_eq!(board.in_flight(&"t".into()), 1);
        drop(probe);
        assert_eq!(board.in_flight(&"t".into()), 0);
        assert!(board.states(Timestamp(2_000_000)).is_empty());
    }

    #[test]
    fn latency_is_a_moving_average() {
        let board = board();
        assert_eq!(board.latency_us(&"t".into()), None);
        for _ in 0..100 {
            board.started(&"t".into(), Timestamp(0)).head(8_000);
        }
        assert!(board.latency_us(&"t".into()).unwrap().abs_diff(8_000) < 100);
        board.retain(|_| false);
        assert_eq!(board.latency_us(&"t".into()), None);
    }

    #[test]
    fn nobody_can_shut_a_target_that_answers_others() {
        let board = board();
        let second = 1_000_000;
        call(&board, second, Sign::Alive);
        for at in 2..30 {
            call(&board, at * second, Sign::Denied);
        }
        assert!(board.states(Timestamp(30 * second)).is_empty());
        for _ in 0..2 {
            call(&board, 90 * second, Sign::Denied);
        }
        assert_eq!(board.states(Timestamp(90 * second)).len(), 1, "it answers nobody any more");
        call(&board, 91 * second, Sign::Alive);
        assert!(board.states(Timestamp(91 * second)).is_empty());
    }
}
