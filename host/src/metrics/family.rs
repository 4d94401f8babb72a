//! Putting metrics together: names, helps and labelled figures.

use std::collections::HashSet;
use std::sync::Arc;

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::distribution::Distribution;
use crate::status::SessionStatus;

/// Labels of one figure.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// All metrics of one answer, in the order in which they were begun.
#[derive(Default)]
pub(super) struct Families(Vec<MetricFamily>);

/// One metric whose figures are being added.
pub(super) struct Family<'a>(&'a mut MetricFamily);

impl Families {
    /// Begins a metric that only rises.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.begin(name, help, MetricType::COUNTER)
    }

    /// Begins a metric that rises and falls.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Family<'_> {
        self.begin(name, help, MetricType::GAUGE)
    }

    /// Begins a metric of durations in seconds.
    pub(super) fn histogram(&mut self, name: &str, help: &str) -> Family<'_> {
        self.begin(name, help, MetricType::HISTOGRAM)
    }

    /// A counter with one figure for each session.
    pub(super) fn counter_of(
        &mut self,
        sessions: &[Arc<SessionStatus>],
        name: &str,
        help: &str,
        value: impl Fn(&SessionStatus) -> u64,
    ) {
        let mut family = self.counter(name, help);
        for session in sessions {
            family.add_count(&[("session", &session.name)], value(session));
        }
    }

    /// A gauge with one figure for each session.
    pub(super) fn gauge_of(
        &mut self,
        sessions: &[Arc<SessionStatus>],
        name: &str,
        help: &str,
        value: impl Fn(&SessionStatus) -> f64,
    ) {
        let mut family = self.gauge(name, help);
        for session in sessions {
            family.add(&[("session", &session.name)], value(session));
        }
    }

    /// A histogram with the durations of each session.
    pub(super) fn histogram_of(
        &mut self,
        sessions: &[Arc<SessionStatus>],
        name: &str,
        help: &str,
        durations: impl Fn(&SessionStatus) -> &Distribution,
    ) {
        let mut family = self.histogram(name, help);
        for session in sessions {
            family.add_durations(&[("session", &session.name)], durations(session));
        }
    }

    fn begin(&mut self, name: &str, help: &str, kind: MetricType) -> Family<'_> {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(kind);
        Family(self.0.push_mut(family))
    }

    /// The metrics that have a figure. Of figures under the same labels the first is kept: adapters give many of the
    /// labels, and with one figure twice Prometheus would take nothing of the page.
    pub(super) fn finish(mut self) -> Vec<MetricFamily> {
        for family in &mut self.0 {
            let mut seen = HashSet::new();
            let mut figures = family.take_metric();
            figures.retain(|figure| seen.insert(labels_of(figure)));
            family.set_metric(figures);
        }
        let has_figures = |family: &MetricFamily| !family.get_metric().is_empty();
        self.0.into_iter().filter(has_figures).collect()
    }
}

fn labels_of(figure: &Metric) -> Vec<(String, String)> {
    let text = |pair: &LabelPair| (pair.name().to_owned(), pair.value().to_owned());
    figure.get_label().iter().map(text).collect()
}

impl Family<'_> {
    /// Adds a figure of a counter or a gauge.
    pub(super) fn add(&mut self, labels: Labels<'_>, value: f64) -> &mut Self {
        let mut metric = labelled(labels);
        if self.0.get_field_type() == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.0.mut_metric().push(metric);
        self
    }

    /// Adds a whole number.
    pub(super) fn add_count(&mut self, labels: Labels<'_>, value: u64) -> &mut Self {
        self.add(labels, value as f64)
    }

    /// Adds the durations of a histogram.
    pub(super) fn add_durations(&mut self, labels: Labels<'_>, durations: &Distribution) {
        let bucket = |(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count);
            bucket
        };
        let mut histogram = Histogram::default();
        histogram.set_sample_count(durations.count());
        histogram.set_sample_sum(durations.sum_seconds());
        histogram.set_bucket(durations.cumulative().map(bucket).collect());
        let mut metric = labelled(labels);
        metric.set_histogram(histogram);
        self.0.mut_metric().push(metric);
    }
}

fn labelled(labels: Labels<'_>) -> Metric {
    let pair = |(name, value): &(&'static str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    };
    Metric::from_label(labels.iter().map(pair).collect())
}
