//! What can go wrong between the exchange and its clients, how likely it is, and the dice. Faults are done to what is
//! sent, never to the truth. The same seed hits the same frames of a connection.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::random::Random;

/// A kind of fault with a name for each.
macro_rules! faults {
    ($(#[$about:meta])* $kind:ident { $($(#[$doc:meta])* $variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $kind {
            $($(#[$doc])* $variant,)+
        }

        impl $kind {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

faults! {
    /// What happens to a frame or with it.
    FrameFault {
        /// It is not sent.
        Drop = "drop",
        /// It is sent twice.
        Double = "double",
        /// It is sent after the next one of its stream.
        Swap = "swap",
        /// Only its beginning is sent.
        Cut = "cut",
        /// Something that is no JSON is sent in its place.
        Garbage = "garbage",
        /// A field that it needs is missing, renamed, or of another type.
        Misshape = "misshape",
        /// The connection is closed after it, with a close frame.
        Close = "close",
        /// The connection ends after it without a close frame.
        Abort = "abort",
        /// The connection is reset after it; what is under way may be lost.
        Reset = "reset",
        /// From it on the connection is silent for a while; what would have been sent is lost.
        Stall = "stall",
        /// From it on its stream is silent for a while, the others are not; what would have been sent is lost.
        Mute = "mute",
        /// From it on its stream is silent until the client asks for it again.
        Silence = "silence",
        /// From it on all streams of the connection are silent until it ends.
        Dumb = "dumb",
        /// It is sent late, and everything behind it.
        Slow = "slow",
    }
}

faults! {
    /// What happens to a REST answer.
    RestFault {
        /// It comes late; its content is as of the request.
        Late = "rest-late",
        /// It is a 500.
        Failing = "rest-500",
        /// It is a 429 though the budget is not used up.
        Refused = "rest-429",
        /// The connection ends in the middle of its body.
        Truncated = "rest-truncated",
    }
}

/// How likely each fault is, and how long those last that last.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    frames: BTreeMap<FrameFault, f64>,
    rest: BTreeMap<RestFault, f64>,
    /// Of a stall, in the market's time.
    pub stall: Duration,
    /// Of a mute, in the market's time.
    pub mute: Duration,
    /// Of a slow frame, in real time.
    pub slow: Duration,
    /// Of a late answer, in real time.
    pub late: Duration,
}

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self {
            frames: BTreeMap::new(),
            rest: BTreeMap::new(),
            stall: Duration::from_secs(5),
            mute: Duration::from_secs(5),
            slow: Duration::from_millis(50),
            late: Duration::from_secs(1),
        }
    }

    /// A bad day: about one frame in a thousand.
    #[must_use]
    pub fn light() -> Self {
        use FrameFault::{Abort, Close, Cut, Double, Drop, Garbage, Misshape, Slow, Stall, Swap};
        let mut faults = Self::none();
        for fault in [Drop, Double, Swap] {
            faults = faults.with(fault, 0.000_3);
        }
        for fault in [Cut, Garbage, Misshape, Slow] {
            faults = faults.with(fault, 0.000_1);
        }
        for fault in [Close, Abort, Stall] {
            faults = faults.with(fault, 0.000_01);
        }
        for &fault in RestFault::ALL {
            faults = faults.with_rest(fault, 0.02);
        }
        faults
    }

    /// The worst day: some frames in a hundred. Streams that stay silent until a client does something about it are
    /// no part of it: they are asked for by name.
    #[must_use]
    pub fn heavy() -> Self {
        let mut faults = Self::none();
        for &fault in FrameFault::ALL {
            use FrameFault::{Abort, Close, Dumb, Mute, Reset, Silence, Slow, Stall};
            let chance = match fault {
                Silence | Dumb => 0.0,
                Close | Abort | Reset | Stall | Mute => 0.000_2,
                Slow => 0.000_5,
                _ => 0.005,
            };
            faults = faults.with(fault, chance);
        }
        for &fault in RestFault::ALL {
            faults = faults.with_rest(fault, 0.1);
        }
        faults
    }

    /// The same with another probability (0 to 1) of one fault.
    #[must_use]
    pub fn with(mut self, fault: FrameFault, chance: f64) -> Self {
        self.frames.insert(fault, chance);
        self
    }

    /// The same with another probability (0 to 1) of one fault of REST.
    #[must_use]
    pub fn with_rest(mut self, fault: RestFault, chance: f64) -> Self {
        self.rest.insert(fault, chance);
        self
    }

    /// Reads `none`, `light`, `heavy`, and `name=chance`, with commas; later ones win.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut faults = Self::none();
        for part in text.split(',').map(str::trim) {
            faults = match part {
                "none" => Self::none(),
                "light" => Self::light(),
                "heavy" => Self::heavy(),
                _ => faults.with_part(part)?,
            };
        }
        Ok(faults)
    }

    fn with_part(self, part: &str) -> Result<Self, String> {
        let (name, chance) = part
            .split_once('=')
            .ok_or_else(|| format!("{part:?} is neither none, light, heavy nor name=chance"))?;
        let chance = chance
            .parse()
            .ok()
            .filter(|chance| (0.0..=1.0).contains(chance))
            .ok_or_else(|| {
                format!("the chance of {name} is not a number from 0 to 1: {chance:?}")
            })?;
        if let Some(&fault) = FrameFault::ALL.iter().find(|one| one.name() == name) {
            return Ok(self.with(fault, chance));
        }
        if let Some(&fault) = RestFault::ALL.iter().find(|one| one.name() == name) {
            return Ok(self.with_rest(fault, chance));
        }
        let names = FrameFault::ALL.iter().map(|one| one.name());
        let names: Vec<_> = names
            .chain(RestFault::ALL.iter().map(|one| one.name()))
            .collect();
        Err(format!(
            "no fault is called {name:?}; there are {}",
            names.join(", ")
        ))
    }

    pub(crate) fn throw(&self, dice: &mut Random) -> Option<FrameFault> {
        throw(&self.frames, dice)
    }

    pub(crate) fn throw_rest(&self, dice: &mut Random) -> Option<RestFault> {
        throw(&self.rest, dice)
    }
}

/// At most one fault; one number is drawn whatever the chances are.
fn throw<F: Copy>(chances: &BTreeMap<F, f64>, dice: &mut Random) -> Option<F> {
    const PARTS: f64 = 1e12;
    let mut point = dice.below(PARTS as u64) as f64 / PARTS;
    for (&fault, chance) in chances {
        if point < *chance {
            return Some(fault);
        }
        point -= chance;
    }
    None
}

/// How often each fault happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// To frames.
    pub frames: BTreeMap<FrameFault, u64>,
    /// To REST answers.
    pub rest: BTreeMap<RestFault, u64>,
}

impl FaultCounts {
    /// How often one happened to a frame.
    #[must_use]
    pub fn of(&self, fault: FrameFault) -> u64 {
        self.frames.get(&fault).copied().unwrap_or(0)
    }

    /// How often one happened to an answer.
    #[must_use]
    pub fn of_rest(&self, fault: RestFault) -> u64 {
        self.rest.get(&fault).copied().unwrap_or(0)
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.frames.values().chain(self.rest.values()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dice_hit_as_often_as_the_chances_say_and_the_same_for_the_same_seed() {
        let faults = Faults::none()
            .with(FrameFault::Drop, 0.1)
            .with(FrameFault::Slow, 0.01);
        let throws = |seed| -> Vec<_> {
            let mut dice = Random::new(seed, "dice");
            (0..100_000).map(|_| faults.throw(&mut dice)).collect()
        };
        let thrown = throws(1);
        let of = |fault| thrown.iter().filter(|one| **one == fault).count();
        assert!((9_500..10_500).contains(&of(Some(FrameFault::Drop))));
        assert!((850..1_150).contains(&of(Some(FrameFault::Slow))));
        assert_eq!(of(Some(FrameFault::Cut)), 0);
        assert_eq!(thrown, throws(1));
        assert_ne!(thrown, throws(2));
    }

    #[test]
    fn faults_are_read_by_their_names() {
        let faults = Faults::parse("light,drop=0.5,rest-429=1").unwrap();
        assert_eq!(
            faults,
            Faults::light()
                .with(FrameFault::Drop, 0.5)
                .with_rest(RestFault::Refused, 1.0)
        );
        assert_eq!(Faults::parse("none"), Ok(Faults::none()));
        assert!(Faults::parse("drop=2").unwrap_err().contains("drop"));
        assert!(
            Faults::parse("dorp=0.1")
                .unwrap_err()
                .contains("rest-truncated")
        );
        assert!(Faults::parse("medium").is_err());
    }
}
