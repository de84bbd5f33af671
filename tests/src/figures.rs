//! Figures from many measurements.

use std::time::Duration;

/// Milliseconds with their fraction.
pub fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value below which `share` (0 to 1) of the values lie, by nearest rank; `None` of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

/// The middle value.
pub fn p50(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value that one in twenty exceeds.
pub fn p95(values: &[f64]) -> Option<f64> {
    quantile(values, 0.95)
}

/// A figure with its unit, or a dash.
pub fn shown(value: Option<f64>, unit: &str) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!((p50(&values), p95(&values)), (Some(50.0), Some(95.0)));
        assert_eq!(p95(&[7.0]), Some(7.0));
        assert_eq!(p50(&[]), None);
        assert_eq!(p50(&[f64::NAN, 2.0]), Some(2.0));
    }
}
