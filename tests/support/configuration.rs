//! What the cases of `fixtures/config/config.jsonl` expect, held against what was found.

use serde_json::Value;

/// Whether `found` has every member of `wanted`.
pub fn fits(wanted: &Value, found: &Value) -> bool {
    wanted.as_object().unwrap().iter().all(|(key, value)| found[key] == *value)
}

/// What is different in the findings of a case: errors in their order, warnings among others.
pub fn differences_of_findings(expect: &Value, errors: &[Value], warnings: &[Value], faults: &mut Vec<String>) {
    let wanted = expect["errors"].as_array().unwrap();
    if wanted.len() != errors.len() || !wanted.iter().zip(errors).all(|(wanted, found)| fits(wanted, found)) {
        faults.push(format!("errors are {}, expected {}", Value::from(errors), expect["errors"]));
    }
    let wanted = expect["warnings"].as_array().unwrap();
    for wanted in wanted {
        if !warnings.iter().any(|found| fits(wanted, found)) {
            faults.push(format!("no warning {wanted} among {}", Value::from(warnings)));
        }
    }
    if expect["no_other_warnings"] == true {
        let counting = warnings.iter().filter(|found| found["severity"] == "warning");
        faults.extend(
            counting
                .filter(|found| !wanted.iter().any(|wanted| fits(wanted, found)))
                .map(|found| format!("further warning {found}")),
        );
    }
}

/// What is different in a finalized value: groups and rules by the members that are wanted, the rest exactly.
pub fn differences(path: &str, wanted: &Value, found: &Value, faults: &mut Vec<String>) {
    const GROUPS: [&str; 10] = [
        "",
        ".agent",
        ".agent.url",
        ".baggage",
        ".telemetry",
        ".trace_sampler",
        ".span_sampler",
        ".bsp",
        ".span_limits",
        ".export",
    ];
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) if GROUPS.contains(&path) || path.ends_with(']') => {
            for (key, wanted) in wanted {
                differences(&format!("{path}.{key}"), wanted, found.get(key).unwrap_or(&Value::Null), faults);
            }
        }
        (Value::Array(wanted), Value::Array(found)) if path.ends_with("rules") && wanted.len() == found.len() => {
            for (at, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differences(&format!("{path}[{at}]"), wanted, found, faults);
            }
        }
        (Value::Number(wanted), Value::Number(found)) if wanted.as_f64() == found.as_f64() => {}
        _ if wanted == found => {}
        _ => faults.push(format!("final{path} is {found}, expected {wanted}")),
    }
}
