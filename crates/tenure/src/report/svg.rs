//! A drawing in SVG: a frame with axes, and shapes in the units of the data.

use std::fmt::Write as _;

/// Colours by role, defined as CSS variables so that light and dark pages use one drawing.
pub(super) const SERIES: [&str; 6] = [
    "var(--s1)",
    "var(--s2)",
    "var(--s3)",
    "var(--s4)",
    "var(--s5)",
    "var(--s6)",
];

/// Width of a drawing that shares a line with another, and of one that has the line for itself: the
/// text of both is of one size then.
const HALF: f64 = 540.0;
const WHOLE: f64 = 1_120.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 40.0;

/// Returns `text` safe for HTML and SVG.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            _ => safe.push(c),
        }
    }
    safe
}

/// A drawing under way.
pub(super) struct Drawing {
    body: String,
    width: f64,
    x: (f64, f64),
    y: (f64, f64),
}

impl Drawing {
    /// Begins a drawing of half a line whose frame spans the given ranges of the data.
    pub(super) fn half(x: (f64, f64), y: (f64, f64)) -> Self {
        Self::of(HALF, x, y)
    }

    /// Begins a drawing of a whole line whose frame spans the given ranges of the data.
    pub(super) fn whole(x: (f64, f64), y: (f64, f64)) -> Self {
        Self::of(WHOLE, x, y)
    }

    fn of(width: f64, x: (f64, f64), y: (f64, f64)) -> Self {
        let widen = |(low, high): (f64, f64)| {
            if high > low {
                (low, high)
            } else {
                (low, low + 1.0)
            }
        };
        Self {
            body: String::new(),
            width,
            x: widen(x),
            y: widen(y),
        }
    }

    /// Returns where `x` lies across.
    fn across(&self, x: f64) -> f64 {
        LEFT + (x - self.x.0) / (self.x.1 - self.x.0) * (self.width - LEFT - RIGHT)
    }

    /// Returns where `y` lies down.
    fn down(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.y.0) / (self.y.1 - self.y.0) * (HEIGHT - TOP - BOTTOM)
    }

    fn path(&self, points: &[(f64, f64)]) -> String {
        let mut path = String::new();
        for (index, (x, y)) in points.iter().enumerate() {
            let command = if index == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", self.across(*x), self.down(*y));
        }
        path
    }

    /// Draws horizontal grid lines with labels at `ticks`.
    pub(super) fn y_axis(&mut self, ticks: &[f64], label: impl Fn(f64) -> String) {
        for tick in ticks {
            let (y, text) = (self.down(*tick), escape(&label(*tick)));
            let _ = write!(
                self.body,
                r#"<line class="grid" x1="{LEFT}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{text}</text>"#,
                self.width - RIGHT,
                LEFT - 8.0,
                y + 4.0,
            );
        }
    }

    /// Draws labels below the frame.
    pub(super) fn x_axis(&mut self, ticks: &[(f64, String)]) {
        let base = HEIGHT - BOTTOM;
        let _ = write!(
            self.body,
            r#"<line class="axis" x1="{LEFT}" x2="{:.1}" y1="{base}" y2="{base}"/>"#,
            self.width - RIGHT,
        );
        for (tick, label) in ticks {
            let _ = write!(
                self.body,
                r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                self.across(*tick),
                base + 16.0,
                escape(label),
            );
        }
    }

    /// Writes what the horizontal axis means.
    pub(super) fn x_title(&mut self, text: &str) {
        let _ = write!(
            self.body,
            r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            f64::midpoint(LEFT, self.width - RIGHT),
            HEIGHT - 6.0,
            escape(text),
        );
    }

    /// Fills the area between two lines over the same points.
    pub(super) fn area(
        &mut self,
        upper: &[(f64, f64)],
        lower: &[(f64, f64)],
        color: &str,
        title: &str,
    ) {
        let mut outline = upper.to_vec();
        outline.extend(lower.iter().rev());
        let path = self.path(&outline);
        let title = escape(title);
        let _ = write!(
            self.body,
            r#"<path d="{path}Z" fill="{color}" class="area"><title>{title}</title></path>"#
        );
    }

    /// Draws a line.
    pub(super) fn line(&mut self, points: &[(f64, f64)], color: &str, class: &str) {
        let path = self.path(points);
        let _ = write!(
            self.body,
            r#"<path d="{path}" stroke="{color}" class="{class}" fill="none"/>"#
        );
    }

    /// Draws a bar from the zero line (or the bottom) to `y`.
    pub(super) fn bar(&mut self, x: (f64, f64), y: f64, color: &str, title: &str) {
        let zero = self.down(self.y.0.max(0.0));
        let (left, right, end) = (self.across(x.0), self.across(x.1), self.down(y));
        let (top, height) = (zero.min(end), (zero - end).abs());
        let _ = write!(
            self.body,
            r#"<rect x="{left:.1}" y="{top:.1}" width="{:.1}" height="{height:.1}" fill="{color}"><title>{}</title></rect>"#,
            (right - left).max(0.5),
            escape(title),
        );
    }

    /// Draws a dot.
    pub(super) fn dot(&mut self, x: f64, y: f64, radius: f64, color: &str, title: &str) {
        let _ = write!(
            self.body,
            r#"<circle cx="{:.1}" cy="{:.1}" r="{radius:.1}" fill="{color}"><title>{}</title></circle>"#,
            self.across(x),
            self.down(y),
            escape(title),
        );
    }

    /// Writes text inside the frame.
    pub(super) fn note(&mut self, x: f64, y: f64, anchor: &str, text: &str) {
        let _ = write!(
            self.body,
            r#"<text class="note" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
            self.across(x),
            self.down(y),
            escape(text),
        );
    }

    /// Ends the drawing; `label` says in a sentence what is to be seen, for people who cannot.
    pub(super) fn finish(self, label: &str) -> String {
        format!(
            r#"<svg viewBox="0 0 {} {HEIGHT}" role="img" aria-label="{}">{}</svg>"#,
            self.width,
            escape(label),
            self.body
        )
    }
}

/// Returns about `count` round numbers from 0 (or below) that cover `low..=high`.
pub(super) fn ticks(low: f64, high: f64, count: u32) -> Vec<f64> {
    let span = (high - low).max(f64::MIN_POSITIVE);
    let raw = span / f64::from(count);
    let magnitude = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= raw)
        .unwrap_or(magnitude * 10.0);
    let first = (low / step).floor();
    let mut ticks = Vec::new();
    for index in 0..=(2 * count + 2) {
        let tick = (first + f64::from(index)) * step;
        ticks.push(tick);
        if tick >= high {
            break;
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(ticks(0.0, 97.0, 5), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(ticks(-3.0, 9.0, 4), [-5.0, 0.0, 5.0, 10.0]);
    }

    #[test]
    fn text_cannot_break_out_of_the_page() {
        assert_eq!(
            escape(r#"<b>"x"&y</b>"#),
            "&lt;b&gt;&quot;x&quot;&amp;y&lt;/b&gt;"
        );
    }

    #[test]
    fn a_drawing_of_nothing_is_still_finite() {
        let mut drawing = Drawing::half((0.0, 0.0), (0.0, 0.0));
        drawing.line(&[(0.0, 0.0)], "red", "line");
        assert!(!drawing.finish("nothing").contains("NaN"));
    }
}
