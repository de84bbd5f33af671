//! The table: a figure, its target, and by how much it is met or missed.

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Shown beside the others.
    Beside,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What it should be.
    pub target: Target,
    /// What it is; `None` when it could not be measured.
    pub figure: Option<f64>,
    /// Unit of both.
    pub unit: &'static str,
    /// How it was measured, or what stands in the way.
    pub note: String,
}

impl Row {
    /// A figure with a target.
    pub fn new(
        what: impl Into<String>,
        target: Target,
        figure: Option<f64>,
        unit: &'static str,
    ) -> Self {
        Self {
            what: what.into(),
            target,
            figure,
            unit,
            note: String::new(),
        }
    }

    /// With a remark.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    fn verdict(&self) -> String {
        let Some(figure) = self.figure else {
            return "not measured".to_owned();
        };
        let (is_met, share) = match self.target {
            Target::Beside => return String::new(),
            Target::AtMost(most) => (figure <= most, figure / most - 1.0),
            Target::AtLeast(least) => (figure >= least, 1.0 - figure / least),
        };
        match (is_met, share.is_finite()) {
            (true, _) => "met".to_owned(),
            (false, true) => format!("MISSED by {:.0} %", (share * 100.0).max(1.0)),
            (false, false) => "MISSED".to_owned(),
        }
    }

    fn target_text(&self) -> String {
        match self.target {
            Target::AtMost(most) => format!("≤ {}", number(most)),
            Target::AtLeast(least) => format!("≥ {}", number(least)),
            Target::Beside => String::new(),
        }
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        0.0..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Prints all rows as a Markdown table.
pub fn print(rows: &[Row]) {
    println!("| what | target | measured | unit | | how |\n|---|---|---|---|---|---|");
    for row in rows {
        let figure = row.figure.map_or_else(|| "–".to_owned(), number);
        let (target, verdict) = (row.target_text(), row.verdict());
        println!(
            "| {} | {target} | {figure} | {} | {verdict} | {} |",
            row.what, row.unit, row.note
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_says_by_how_much() {
        let row = |target, figure| Row::new("x", target, Some(figure), "ms").verdict();
        assert_eq!(row(Target::AtMost(40.0), 40.0), "met");
        assert_eq!(row(Target::AtMost(40.0), 50.0), "MISSED by 25 %");
        assert_eq!(row(Target::AtLeast(4.0), 3.0), "MISSED by 25 %");
        assert_eq!(row(Target::AtLeast(4.0), 5.0), "met");
        assert_eq!(row(Target::AtMost(0.0), 0.0), "met");
        assert_eq!(row(Target::AtMost(0.0), 3.0), "MISSED");
        assert_eq!(
            Row::new("x", Target::Beside, None, "").verdict(),
            "not measured"
        );
    }
}
