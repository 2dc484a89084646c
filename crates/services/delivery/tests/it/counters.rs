//! Counters of one test.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder, SharedString, Unit,
};

type Counted = Arc<Mutex<Vec<(Key, Arc<AtomicU64>)>>>;

/// What the thread of a test counts, until it is dropped.
pub(crate) struct Counters {
    counted: Counted,
    _guard: LocalRecorderGuard<'static>,
}

impl Counters {
    pub(crate) fn begin() -> Self {
        let counted = Counted::default();
        let recorder: &'static Noting = Box::leak(Box::new(Noting(Arc::clone(&counted))));
        Self { counted, _guard: metrics::set_default_local_recorder(recorder) }
    }

    /// The sum of a counter whose labels have all these values.
    pub(crate) fn of(&self, name: &str, values: &[&str]) -> u64 {
        let counted = self.counted.lock().expect("no panic");
        let has = |key: &Key, value: &str| key.labels().any(|label| label.value() == value);
        let ours = counted
            .iter()
            .filter(|(key, _)| key.name() == name && values.iter().all(|value| has(key, value)));
        ours.map(|(_, count)| count.load(Ordering::Relaxed)).sum()
    }
}

struct Noting(Counted);

impl Recorder for Noting {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let count = Arc::<AtomicU64>::default();
        self.0.lock().expect("no panic").push((key.clone(), Arc::clone(&count)));
        Counter::from_arc(count)
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
