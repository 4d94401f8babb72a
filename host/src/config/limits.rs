//! Limits that are changed while a session runs: checked as those of the file.

use serde_json::{Map, Value};

use super::block::check_limits;
use super::key::Key;
use super::problem::{ConfigError, Problem, Problems};
use super::typed;
use crate::limits::Limits;

/// `limits` with the figures of `changes`, any of its keys, in place of its own.
///
/// # Errors
/// Every reason why that cannot be: unknown keys, values that are no such figures, figures that do not go together.
pub fn changed_limits(
    limits: &Limits,
    changes: &Map<String, Value>,
) -> Result<Limits, Vec<Problem>> {
    let at = Key::of(["limits"]);
    let mut problems = Problems::default();
    let mut merged = serde_json::to_value(limits).unwrap_or_default();
    let names: Vec<String> = merged
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect();
    for (name, value) in changes {
        if !names.contains(name) {
            problems.add(
                &at.then(name),
                format!("unknown; there are {}", names.join(", ")),
            );
        } else if value.is_null() {
            problems.add(&at.then(name), "must be a figure");
        } else if let Some(map) = merged.as_object_mut() {
            map.insert(name.clone(), value.clone());
        }
    }
    let (changed, _) = typed::read::<Limits>(merged, &at, &mut problems);
    check_limits(&changed, &at, &mut problems);
    match problems.or("limits", changed) {
        Ok(limits) => Ok(limits),
        Err(ConfigError::Invalid { problems, .. }) => Err(problems),
        Err(error) => Err(vec![Problem {
            key: String::new(),
            reason: error.to_string(),
        }]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(changes: &Value) -> Result<Limits, String> {
        let changes = changes.as_object().cloned().unwrap_or_default();
        changed_limits(&Limits::default(), &changes).map_err(|problems| {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            lines.join("; ")
        })
    }

    #[test]
    fn what_is_not_named_stays() {
        let wanted = Limits {
            memory_hard_mb: 300,
            alarms_max: 7,
            ..Limits::default()
        };
        let changes = json!({"memory_hard_mb": 300, "alarms_max": 7});
        assert_eq!(change(&changes), Ok(wanted));
        assert_eq!(change(&json!({})), Ok(Limits::default()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_every_reason() {
        let refused = |changes: Value| change(&changes).err().unwrap_or_default();
        assert!(refused(json!({"memory": 3})).contains("limits.memory: unknown; there are "));
        for wrong in [
            json!(null),
            json!("5"),
            json!(-1),
            json!(0),
            json!(1.5),
            json!([1]),
        ] {
            let reason = refused(json!({"alarms_max": wrong}));
            assert!(reason.contains("limits.alarms_max"), "{wrong}: {reason}");
        }
        let both = refused(json!({"memory_soft_mb": 200, "fuel_per_event_max": "all"}));
        assert!(
            both.contains("200 is more than memory_hard_mb (150)"),
            "{both}"
        );
        assert!(both.contains("limits.fuel_per_event_max"), "{both}");
        assert!(refused(json!({"memory_hard_mb": 5000})).contains("more than an adapter"));
    }
}
