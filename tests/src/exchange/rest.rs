//! REST as far as it is the same for every venue: budgets first, then faults, then the venue's answer; and what is
//! written down of it.

use std::time::Duration;

use super::datum::Told;
use super::dialect::{Cost, Desk, Reply, Trouble};
use super::faults::RestFault;
use super::http::{Answer, Request};
use super::parameters::Parameters;
use super::records::{RequestRecord, Violation};
use super::state::Shared;
use super::weight::Verdict;

const NS_PER_MS: u64 = 1_000_000;

/// The answer to a request, and how long it takes.
pub(crate) fn answer(shared: &Shared, request: &Request) -> (Answer, Duration) {
    let at = shared.began.elapsed();
    let (limits, dialect) = (&shared.settings.limits, &shared.dialect);
    let mut state = shared.lock();
    let state = &mut *state;
    let parameters = Parameters::of(request);
    let Cost { weight, quota } = dialect.cost(request.path(), &parameters, limits);
    let (verdict, used) = state.weight.charge(limits, at, weight);
    let mut most = limits.weight_max;
    let (verdict, broken) = match (verdict, quota) {
        (Verdict::Granted, Some(quota)) => match state.quotas.take(&quota, at) {
            Ok(()) => (Verdict::Granted, None),
            Err(rest) => {
                most = quota.most as u64;
                (Verdict::Refused(rest), Some(Violation::Requests))
            }
        },
        (Verdict::Granted, None) => (Verdict::Granted, None),
        (Verdict::Refused(rest), _) => (Verdict::Refused(rest), Some(Violation::Weight)),
        (Verdict::Banned(rest), _) => (Verdict::Banned(rest), Some(Violation::Banned)),
    };
    if let Some(broken) = broken {
        state.violation(broken);
    }
    let fault = match verdict {
        Verdict::Granted => state.rest_fault(),
        Verdict::Refused(_) | Verdict::Banned(_) => None,
    };
    let time_ms = state.feed.now_ns() / NS_PER_MS;
    let trouble = match (verdict, fault) {
        (Verdict::Banned(rest), _) => {
            let until_ms = time_ms + rest.as_millis() as u64;
            Some(Trouble::Banned { rest, until_ms })
        }
        (Verdict::Refused(rest), _) => Some(Trouble::Limited { rest, most }),
        (_, Some(RestFault::Refused)) => {
            let rest = Duration::from_secs(1);
            Some(Trouble::Limited { rest, most })
        }
        (_, Some(RestFault::Failing)) => Some(Trouble::Failing),
        _ => None,
    };
    let mut last_update_id = None;
    let mut delay = Duration::ZERO;
    let mut answer = match trouble {
        Some(trouble) => dialect.refuse(&trouble),
        None => {
            let desk = Desk {
                feed: &state.feed,
                settings: &shared.settings,
                time_ms,
            };
            let Reply {
                status,
                body,
                update_id,
                data,
            } = dialect.reply(&desk, request, &parameters);
            last_update_id = update_id;
            let by = &request.target;
            for datum in data {
                let by = by.clone();
                state.tell(Told { at, by, datum });
            }
            let mut answer = Answer::new(status, body);
            answer.truncated = fault == Some(RestFault::Truncated);
            if fault == Some(RestFault::Late) {
                delay = state.faults.late;
            }
            answer
        }
    };
    answer.headers.extend(dialect.headers(used));
    state.request(RequestRecord {
        at,
        target: request.target.clone(),
        weight,
        status: answer.status,
        last_update_id,
        fault,
    });
    shared.happened();
    (answer, delay)
}
