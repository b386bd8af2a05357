//! Finalized settings as rows: what `to_json` and `settings` of a profile are both made of.

use super::{Setting, Shown};
use serde_json::{Map, Value};

/// Settings in the order in which they are shown, each under its dotted key.
#[derive(Debug, Default)]
pub struct Rows(Vec<(Value, Shown)>);

impl Rows {
    /// Adds a setting; a string is shown as it is, anything else as JSON.
    pub fn add<T: Clone + Into<Value>>(&mut self, key: &str, setting: &Setting<T>) {
        let value: Value = setting.value.clone().into();
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Null => "unset".to_owned(),
            Value::Array(items) => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                items.join(",")
            }
            value => value.to_string(),
        };
        self.add_as(key, setting, value, text);
    }

    /// Adds a setting that may depend on a variable which cannot be known here.
    pub fn add_known<T: Clone + Into<Value>>(&mut self, key: &str, setting: Option<&Setting<T>>) {
        if let Some(setting) = setting {
            self.add(key, setting);
        }
    }

    /// Adds a setting with its value as JSON and as it is shown.
    pub fn add_as<T>(&mut self, key: &str, setting: &Setting<T>, value: Value, shown: impl Into<String>) {
        self.0.push((value, setting.shown(key, shown)));
    }

    /// The rows as one object, dotted keys as objects inside it.
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        for (value, shown) in &self.0 {
            match shown.key.split_once('.') {
                Some((group, key)) => {
                    let group = out.entry(group).or_insert_with(|| Value::Object(Map::new()));
                    if let Value::Object(group) = group {
                        group.insert(key.to_owned(), value.clone());
                    }
                }
                None => {
                    out.insert(shown.key.clone(), value.clone());
                }
            }
        }
        Value::Object(out)
    }

    /// The rows as they are shown.
    pub fn shown(self) -> Vec<Shown> {
        self.0.into_iter().map(|(_, shown)| shown).collect()
    }
}
