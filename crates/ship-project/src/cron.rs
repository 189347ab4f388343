//! Cron expressions: five fields, names, ranges, steps, and `@daily` and its like.
//!
//! The rules are those of crontab(5) (Vixie): in the day fields, when both are restricted, either
//! may match; a field that begins with `*` is not restricted.

use std::fmt;
use std::str::FromStr;

/// When a job runs: pure sets, no clock. The caller walks the minutes of its time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: Set,
    hours: Set,
    days: Set,
    months: Set,
    weekdays: Set,
    any_day: bool,
    any_weekday: bool,
}

/// Numbers below 64, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Set(u64);

impl Set {
    fn has(self, number: u8) -> bool {
        number < 64 && self.0 & (1 << number) != 0
    }
}

/// Why a cron expression was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error("a schedule has five fields (minute hour day month weekday); this one has {0}")]
    Fields(usize),
    /// A field that is not a number, name, range or step.
    #[error("`{part}` is not a {field}")]
    Part {
        /// Which field: `minute`.
        field: &'static str,
        /// The text.
        part: String,
    },
    /// A number that the field does not reach.
    #[error("{field} {number} is not within {low}-{high}")]
    Range {
        /// Which field.
        field: &'static str,
        /// The number.
        number: u32,
        /// Lowest.
        low: u8,
        /// Highest.
        high: u8,
    },
    /// `@something` that is no nickname.
    #[error(
        "`{0}` is not a schedule: use `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, or five fields"
    )]
    Nickname(String),
    /// A date that no year has: the 31st of February.
    #[error("no month of this schedule has such a day")]
    Never,
}

struct Field {
    name: &'static str,
    low: u8,
    high: u8,
    names: &'static [&'static str],
}

const MINUTE: Field = Field::numbers("minute", 0, 59);
const HOUR: Field = Field::numbers("hour", 0, 23);
const DAY: Field = Field::numbers("day of the month", 1, 31);
const MONTH: Field = Field {
    name: "month",
    low: 1,
    high: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
/// 7 is Sunday, too; it is folded into 0.
const WEEKDAY: Field = Field {
    name: "weekday",
    low: 0,
    high: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// The most days that each month can have.
const LONGEST: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl Cron {
    /// Reads an expression such as `0 6 * * mon-fri`.
    ///
    /// ```
    /// use ship_project::cron::Cron;
    /// let cron = Cron::parse("*/15 6-8 * * mon-fri").unwrap();
    /// assert!(cron.matches(45, 7, 3, 11, 2));
    /// assert!(!cron.matches(45, 7, 1, 11, 0)); // a Sunday
    /// assert!(Cron::parse("0 25 * * *").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let text = text.trim();
        let fields: Vec<&str> = expand(text)?.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(CronError::Fields(fields.len()));
        };
        let weekdays = WEEKDAY.read(weekday)?.0;
        let cron = Self {
            text: text.to_owned(),
            minutes: MINUTE.read(minute)?,
            hours: HOUR.read(hour)?,
            days: DAY.read(day)?,
            months: MONTH.read(month)?,
            weekdays: Set((weekdays | weekdays >> 7) & 0x7f),
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
        };
        if cron.can_happen() {
            Ok(cron)
        } else {
            Err(CronError::Never)
        }
    }

    /// Whether it runs in this minute: minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-6
    /// from Sunday.
    pub fn matches(&self, minute: u8, hour: u8, day: u8, month: u8, weekday: u8) -> bool {
        self.minutes.has(minute) && self.hours.has(hour) && self.matches_day(day, month, weekday)
    }

    /// Whether it runs at all on this day; lets a caller skip whole days.
    pub fn matches_day(&self, day: u8, month: u8, weekday: u8) -> bool {
        let day = self.days.has(day);
        let weekday = self.weekdays.has(weekday);
        let fits = if self.any_day || self.any_weekday {
            day && weekday
        } else {
            day || weekday
        };
        fits && self.months.has(month)
    }

    fn can_happen(&self) -> bool {
        let some_date = (1..=12u8)
            .filter(|&month| self.months.has(month))
            .any(|month| (1..=LONGEST[usize::from(month) - 1]).any(|day| self.days.has(day)));
        some_date || !(self.any_day || self.any_weekday)
    }
}

fn expand(text: &str) -> Result<&str, CronError> {
    if !text.starts_with('@') {
        return Ok(text);
    }
    NICKNAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map(|(_, fields)| *fields)
        .ok_or_else(|| CronError::Nickname(text.to_owned()))
}

impl Field {
    const fn numbers(name: &'static str, low: u8, high: u8) -> Self {
        Self {
            name,
            low,
            high,
            names: &[],
        }
    }

    /// `1,5-9,*/10`
    fn read(&self, text: &str) -> Result<Set, CronError> {
        text.split(',').try_fold(Set(0), |set, part| {
            let (low, high, step) = self.part(part)?;
            let bits = (low..=high)
                .step_by(step)
                .fold(0, |bits, n| bits | 1u64 << n);
            Ok(Set(set.0 | bits))
        })
    }

    /// `*`, `5`, `1-5`, `*/10`, `1-30/5`, `5/10` (from 5 on).
    fn part(&self, part: &str) -> Result<(u8, u8, usize), CronError> {
        let wrong = || CronError::Part {
            field: self.name,
            part: part.to_owned(),
        };
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<u8>().map_err(|_| wrong())?)),
            None => (part, None),
        };
        if step == Some(0) {
            return Err(wrong());
        }
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.low, self.top()),
            Some((low, high)) => (self.number(low, part)?, self.number(high, part)?),
            None => {
                let number = self.number(range, part)?;
                (number, if step.is_some() { self.top() } else { number })
            }
        };
        if low > high {
            return Err(wrong());
        }
        Ok((low, high, usize::from(step.unwrap_or(1))))
    }

    /// The highest of `*`: `*/2` in weekdays does not count Sunday twice.
    fn top(&self) -> u8 {
        if self.low == 0 && self.high == 7 {
            6
        } else {
            self.high
        }
    }

    fn number(&self, text: &str, part: &str) -> Result<u8, CronError> {
        let named = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text));
        if let Some(index) = named {
            return Ok(index as u8 + self.low);
        }
        let digits = !text.is_empty() && text.len() < 6 && text.bytes().all(|b| b.is_ascii_digit());
        let number: u32 =
            digits
                .then(|| text.parse().ok())
                .flatten()
                .ok_or_else(|| CronError::Part {
                    field: self.name,
                    part: part.to_owned(),
                })?;
        match u8::try_from(number) {
            Ok(number) if (self.low..=self.high).contains(&number) => Ok(number),
            _ => Err(CronError::Range {
                field: self.name,
                number,
                low: self.low,
                high: self.high,
            }),
        }
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Cron {
    type Err = CronError;
    fn from_str(text: &str) -> Result<Self, CronError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn either_day_field_may_match_when_both_are_restricted() {
        let cron = Cron::parse("0 0 13 * fri").unwrap();
        assert!(cron.matches(0, 0, 13, 1, 1));
        assert!(cron.matches(0, 0, 1, 1, 5));
        assert!(!cron.matches(0, 0, 1, 1, 1));
        let workdays = Cron::parse("0 0 * * 1-5").unwrap();
        assert!(!workdays.matches(0, 0, 13, 1, 0));
    }

    #[test]
    fn sunday_is_zero_and_seven() {
        for text in ["0 0 * * 7", "0 0 * * 0", "0 0 * * sun", "0 0 * * 5-7"] {
            assert!(Cron::parse(text).unwrap().matches(0, 0, 1, 1, 0), "{text}");
        }
        assert!(!Cron::parse("0 0 * * 7").unwrap().matches(0, 0, 1, 1, 1));
    }

    #[test]
    fn nicknames_are_five_fields() {
        let daily = Cron::parse("@daily").unwrap();
        assert!(daily.matches(0, 0, 9, 9, 3));
        assert!(!daily.matches(1, 0, 9, 9, 3));
        assert_eq!(daily.to_string(), "@daily");
    }

    #[test]
    fn mistakes_are_told_in_words() {
        let told = |text| Cron::parse(text).unwrap_err().to_string();
        let lines = [
            "* * * *",
            "60 * * * *",
            "x * * * *",
            "*/0 * * * *",
            "5-1 * * * *",
            "@often",
            "0 0 31 2 *",
            "0 0 0 1 *",
            "-1 * * * *",
            "0 0 30 feb *",
        ]
        .map(|text| format!("{text}: {}", told(text)));
        insta::assert_snapshot!(lines.join("\n"), @r#"
        * * * *: a schedule has five fields (minute hour day month weekday); this one has 4
        60 * * * *: minute 60 is not within 0-59
        x * * * *: `x` is not a minute
        */0 * * * *: `*/0` is not a minute
        5-1 * * * *: `5-1` is not a minute
        @often: `@often` is not a schedule: use `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, or five fields
        0 0 31 2 *: no month of this schedule has such a day
        0 0 0 1 *: day of the month 0 is not within 1-31
        -1 * * * *: `-1` is not a minute
        0 0 30 feb *: no month of this schedule has such a day
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[@a-z0-9*/, -]{0,30}|.*") {
            let _ = Cron::parse(&text);
        }

        #[test]
        fn lists_ranges_and_steps_mean_the_same_as_their_numbers(low in 0u8..59, length in 0u8..30, step in 1u8..20) {
            let high = (low + length).min(59);
            let numbers: Vec<String> = (low..=high).step_by(step.into()).map(|n| n.to_string()).collect();
            let by_range = Cron::parse(&format!("{low}-{high}/{step} * * * *")).unwrap();
            let by_list = Cron::parse(&format!("{} * * * *", numbers.join(","))).unwrap();
            for minute in 0..60 {
                prop_assert_eq!(by_range.matches(minute, 0, 1, 1, 0), by_list.matches(minute, 0, 1, 1, 0));
            }
        }
    }
}
