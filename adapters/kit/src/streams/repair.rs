//! What is done about streams that bring nothing: asked for again, and then their connection is renewed.

use super::outbox::Word;
use super::wires::Wires;
use super::{
    ACKNOWLEDGED_WITHIN, Asked, CONNECTION_SILENCE_MAX, Carrier, DOUBLINGS_MAX, Expected, Protocol,
    REFUSED_FOR, SECOND, Stream, Streams, silence_max,
};
use crate::Output;
use crate::wit::LogLevel;

impl Streams {
    /// Asks again for the streams whose time for it has come.
    pub(super) fn ask_again(&mut self, now: u64) {
        let mut again = Vec::new();
        for (id, stream) in (0..).zip(&mut self.all) {
            if let Some(Carrier {
                asked: Asked::Refused(at),
                ..
            }) = stream.carrier
                && now.saturating_sub(at) > REFUSED_FOR
            {
                stream.again_at = Some(now);
            }
            if stream.again_at.is_none_or(|at| at > now) {
                continue;
            }
            stream.again_at = None;
            if let Some(carrier) = &mut stream.carrier {
                if !matches!(carrier.asked, Asked::Not | Asked::Refused(_)) {
                    self.wires.say(carrier.connection, Word::Unsubscribe, id);
                }
                carrier.asked = Asked::Not;
                again.push((carrier.connection, id));
                stream.silence.interrupt();
                stream.resubscribed += 1;
            }
        }
        // All of one kind together, so that few messages say it.
        for (connection, id) in again {
            self.wires.say(connection, Word::Subscribe, id);
        }
    }

    pub(super) fn repair_what_is_silent(
        &mut self,
        now: u64,
        protocol: &impl Protocol,
        out: &mut Output,
    ) {
        let mut renewed = Vec::new();
        for (&connection, wire) in &mut self.wires.all {
            let Some(opened) = wire.opened else {
                continue;
            };
            let mut judged = self
                .all
                .iter()
                .filter(|it| it.is_on(connection) && it.expected != Expected::Rare)
                .peekable();
            let is_judged = judged.peek().is_some();
            // What comes through another connection, as all streams of a recording do, is not silent.
            if judged.any(|it| it.heard.is_some_and(|at| at >= opened)) {
                wire.renewals = 0;
                continue;
            }
            let max = CONNECTION_SILENCE_MAX << wire.renewals.min(DOUBLINGS_MAX);
            let is_silent = is_judged && now.saturating_sub(opened) > max;
            if is_silent {
                wire.renewals += 1;
                renewed.push(connection);
            }
        }
        for (id, stream) in (0..).zip(&mut self.all) {
            let is_judged = stream.expected != Expected::Rare;
            if is_judged && renewed.iter().any(|connection| stream.is_on(*connection)) {
                stream.repairs += 1;
                self.fell_silent.push(id);
            }
        }
        for (id, stream) in (0..).zip(&mut self.all) {
            let before = stream.repairs;
            renewed.extend(repair(stream, now, &self.wires, out));
            if stream.repairs > before && matches!(stream.asked(), Asked::Acknowledged(_)) {
                self.fell_silent.push(id);
            }
        }
        for connection in renewed {
            self.renew(connection, protocol, out);
        }
    }
}

/// Asks again for a stream that is silent; the second time gives the connection that is to be renewed.
fn repair(stream: &mut Stream, now: u64, wires: &Wires, out: &mut Output) -> Option<u32> {
    let carrier = stream.carrier?;
    wires.all.get(&carrier.connection)?.opened?;
    let (since, max) = match carrier.asked {
        // An exchange that does not answer at all is judged by what it sends.
        Asked::At(at, _) if stream.repairs > 0 => (at, Some(CONNECTION_SILENCE_MAX)),
        Asked::At(at, _) => (at, Some(ACKNOWLEDGED_WITHIN)),
        Asked::Acknowledged(at) => (stream.heard.unwrap_or(at).max(at), silence_max(stream)),
        Asked::Not | Asked::Refused(_) => return None,
    };
    let max = max? << stream.repairs.min(DOUBLINGS_MAX);
    let silent = now.saturating_sub(since);
    if silent <= max || stream.next.is_some() || stream.again_at.is_some() {
        return None;
    }
    stream.repairs += 1;
    let (name, seconds) = (&stream.name, silent / SECOND);
    // What never came may be of an instrument that is only quiet: no reason to move all others.
    if stream.repairs % 2 == 1 || stream.heard.is_none() {
        out.log(
            LogLevel::Warn,
            format_args!("{name}: silent for {seconds} s; asking for it again"),
        );
        stream.again_at = Some(now);
        return None;
    }
    out.log(
        LogLevel::Warn,
        format_args!("{name}: still silent after {seconds} s; renewing its connection"),
    );
    Some(carrier.connection)
}
