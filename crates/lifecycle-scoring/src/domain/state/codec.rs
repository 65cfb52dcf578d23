//! The stored form of a customer's state: numbers of variable length, instants as differences.
//!
//! JSON of the same state is five times as long and ten times as slow to read, and this is read and
//! written with every change of a customer.

use tenure_core::{Currency, Timestamp};

use super::super::fact::{AttributeValue, ChurnKind, ContactKind, Usage};
use super::{Attribute, Bill, Contact, CustomerState, Month, Period, Subscription};

/// The first byte; another layout gets another number.
const LAYOUT: u8 = 1;
/// No list of a state is longer; a larger count means that the bytes are damaged.
const COUNT_MAX: u64 = 4_096;

/// Bytes that are no state of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored state of a customer cannot be read at byte {at}")]
pub struct DecodeError {
    /// Where reading stopped.
    pub at: usize,
}

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    last: i64,
}

impl Writer {
    fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.bytes
                .push(u8::try_from(n & 0x7f).expect("seven bits") | 0x80);
            n >>= 7;
        }
        self.bytes.push(u8::try_from(n).expect("below 128"));
    }

    fn signed(&mut self, n: i64) {
        self.number(((n << 1) ^ (n >> 63)).cast_unsigned());
    }

    /// Writes an instant as the difference to the one before it, in seconds where it is whole.
    fn instant(&mut self, at: Timestamp) {
        let delta = at.as_micros().wrapping_sub(self.last);
        self.last = at.as_micros();
        if delta % 1_000_000 == 0 {
            self.signed((delta / 1_000_000) << 1);
        } else {
            self.signed((delta << 1) | 1);
        }
    }

    fn optional(&mut self, at: Option<Timestamp>) {
        self.bytes.push(u8::from(at.is_some()));
        if let Some(at) = at {
            self.instant(at);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn kind<K: PartialEq>(&mut self, kind: &K, all: &[K]) {
        let index = all
            .iter()
            .position(|known| known == kind)
            .expect("all kinds are listed");
        self.bytes
            .push(u8::try_from(index).expect("a handful of kinds"));
    }

    fn value(&mut self, value: Option<&AttributeValue>) {
        match value {
            None => self.bytes.push(0),
            Some(AttributeValue::Text(text)) => {
                self.bytes.push(1);
                self.text(text);
            }
            Some(AttributeValue::Integer(n)) => {
                self.bytes.push(2);
                self.signed(*n);
            }
            Some(AttributeValue::Number(n)) => {
                self.bytes.push(3);
                self.bytes.extend_from_slice(&n.to_le_bytes());
            }
            Some(AttributeValue::Flag(flag)) => self.bytes.push(4 + u8::from(*flag)),
            Some(AttributeValue::Instant(micros)) => {
                self.bytes.push(6);
                self.signed(*micros);
            }
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    last: i64,
}

impl Reader<'_> {
    fn broken(&self) -> DecodeError {
        DecodeError { at: self.at }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let end = self.at + N;
        let taken = self.bytes.get(self.at..end).ok_or(self.broken())?;
        self.at = end;
        Ok(taken.try_into().expect("the slice has this length"))
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        let mut n = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(n);
            }
        }
        Err(self.broken())
    }

    fn signed(&mut self) -> Result<i64, DecodeError> {
        let n = self.number()?;
        Ok((n >> 1).cast_signed() ^ -((n & 1).cast_signed()))
    }

    fn instant(&mut self) -> Result<Timestamp, DecodeError> {
        let n = self.signed()?;
        let delta = if n & 1 == 0 {
            (n >> 1).wrapping_mul(1_000_000)
        } else {
            n >> 1
        };
        self.last = self.last.wrapping_add(delta);
        Ok(Timestamp::from_micros(self.last))
    }

    fn optional(&mut self) -> Result<Option<Timestamp>, DecodeError> {
        match self.byte()? {
            0 => Ok(None),
            1 => self.instant().map(Some),
            _ => Err(self.broken()),
        }
    }

    fn text(&mut self) -> Result<String, DecodeError> {
        let length = usize::try_from(self.number()?).map_err(|_| self.broken())?;
        let end = self.at.checked_add(length).ok_or(self.broken())?;
        let bytes = self.bytes.get(self.at..end).ok_or(self.broken())?;
        let text = std::str::from_utf8(bytes)
            .map_err(|_| self.broken())?
            .to_owned();
        self.at = end;
        Ok(text)
    }

    fn list<T>(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.number()?;
        if count > COUNT_MAX {
            return Err(self.broken());
        }
        (0..count).map(|_| each(self)).collect()
    }

    fn kind<K: Copy>(&mut self, all: &[K]) -> Result<K, DecodeError> {
        let index = usize::from(self.byte()?);
        all.get(index).copied().ok_or(self.broken())
    }

    fn value(&mut self) -> Result<Option<AttributeValue>, DecodeError> {
        Ok(Some(match self.byte()? {
            0 => return Ok(None),
            1 => AttributeValue::Text(self.text()?),
            2 => AttributeValue::Integer(self.signed()?),
            3 => AttributeValue::Number(f64::from_le_bytes(self.take()?)),
            4 => AttributeValue::Flag(false),
            5 => AttributeValue::Flag(true),
            6 => AttributeValue::Instant(self.signed()?),
            _ => return Err(self.broken()),
        }))
    }
}

impl CustomerState {
    /// Returns the stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.bytes.push(LAYOUT);
        to.optional(self.known_since);
        to.optional(self.changed_at);
        to.text(self.currency.as_ref().map_or("", Currency::as_str));
        to.list(&self.subscriptions, |to, s| {
            to.bytes.extend_from_slice(&s.key.to_le_bytes());
            to.instant(s.started_at);
            to.optional(s.contract_ends_at);
            to.list(s.fee_minor.as_slice(), |to, fee| to.signed(*fee));
            to.optional(s.ended.map(|(at, _)| at));
            if let Some((_, kind)) = s.ended {
                to.kind(&kind, &ChurnKind::ALL);
            }
        });
        to.list(&self.bills, |to, b| {
            to.bytes.extend_from_slice(&b.key.to_le_bytes());
            to.instant(b.issued_at);
            to.instant(b.due_at);
            to.signed(b.amount_minor);
            to.optional(b.settled_at);
        });
        to.list(&self.months, |to, m| {
            to.signed(i64::from(m.number));
            to.list(&m.periods, |to, p| {
                to.bytes.extend_from_slice(&p.key.to_le_bytes());
                to.instant(p.known_at);
                to.number(p.usage.voice_seconds);
                to.number(p.usage.in_group_seconds);
                to.number(p.usage.data_megabytes);
                to.number(p.usage.messages);
            });
        });
        to.list(&self.contacts, |to, c| {
            to.bytes.extend_from_slice(&c.key.to_le_bytes());
            to.instant(c.at);
            to.kind(&c.kind, &ContactKind::ALL);
        });
        to.list(&self.attributes, |to, a| {
            to.text(&a.name);
            to.list(&a.versions, |to, (at, value)| {
                to.instant(*at);
                to.value(value.as_ref());
            });
        });
        to.bytes
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// When `bytes` are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader {
            bytes,
            at: 0,
            last: 0,
        };
        if from.byte()? != LAYOUT {
            return Err(DecodeError { at: 0 });
        }
        let state = Self {
            known_since: from.optional()?,
            changed_at: from.optional()?,
            currency: currency(&mut from)?,
            subscriptions: from.list(subscription)?,
            bills: from.list(bill)?,
            months: from.list(month)?,
            contacts: from.list(|from| {
                let key = u64::from_le_bytes(from.take()?);
                Ok(Contact {
                    key,
                    at: from.instant()?,
                    kind: from.kind(&ContactKind::ALL)?,
                })
            })?,
            attributes: from.list(attribute)?,
        };
        if from.at == bytes.len() {
            Ok(state)
        } else {
            Err(from.broken())
        }
    }
}

fn currency(from: &mut Reader<'_>) -> Result<Option<Currency>, DecodeError> {
    let code = from.text()?;
    if code.is_empty() {
        return Ok(None);
    }
    Currency::parse(&code).map(Some).map_err(|_| from.broken())
}

fn subscription(from: &mut Reader<'_>) -> Result<Subscription, DecodeError> {
    let key = u64::from_le_bytes(from.take()?);
    let started_at = from.instant()?;
    let contract_ends_at = from.optional()?;
    let fee_minor = from.list(Reader::signed)?.first().copied();
    let ended = match from.optional()? {
        Some(at) => Some((at, from.kind(&ChurnKind::ALL)?)),
        None => None,
    };
    Ok(Subscription {
        key,
        started_at,
        contract_ends_at,
        fee_minor,
        ended,
    })
}

fn bill(from: &mut Reader<'_>) -> Result<Bill, DecodeError> {
    Ok(Bill {
        key: u64::from_le_bytes(from.take()?),
        issued_at: from.instant()?,
        due_at: from.instant()?,
        amount_minor: from.signed()?,
        settled_at: from.optional()?,
    })
}

fn month(from: &mut Reader<'_>) -> Result<Month, DecodeError> {
    let number = i32::try_from(from.signed()?).map_err(|_| from.broken())?;
    let periods = from.list(|from| {
        Ok(Period {
            key: u32::from_le_bytes(from.take()?),
            known_at: from.instant()?,
            usage: Usage {
                voice_seconds: from.number()?,
                in_group_seconds: from.number()?,
                data_megabytes: from.number()?,
                messages: from.number()?,
            },
        })
    })?;
    Ok(Month { number, periods })
}

fn attribute(from: &mut Reader<'_>) -> Result<Attribute, DecodeError> {
    Ok(Attribute {
        name: from.text()?,
        versions: from.list(|from| Ok((from.instant()?, from.value()?)))?,
    })
}
