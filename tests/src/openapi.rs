//! Whether JSON is as a schema of an OpenAPI document says: the parts of JSON Schema that docs/openapi.json uses.

use serde_json::Value;

/// An OpenAPI document.
#[derive(Debug)]
pub struct Description(Value);

impl Description {
    /// The one in docs/.
    ///
    /// # Panics
    /// When it is no JSON.
    #[must_use]
    pub fn read() -> Self {
        let path = crate::workspace().join("docs/openapi.json");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).expect("JSON"))
    }

    /// Method and path of each call.
    ///
    /// # Panics
    /// When it is no OpenAPI.
    #[must_use]
    pub fn calls(&self) -> Vec<(String, String)> {
        let mut calls = Vec::new();
        for (path, methods) in self.0["paths"].as_object().expect("paths") {
            for method in methods.as_object().expect("methods").keys() {
                calls.push((method.clone(), path.clone()));
            }
        }
        calls
    }

    /// Every way in which the answer to a call is not as the document says; none when it is.
    #[must_use]
    pub fn faults(&self, method: &str, path: &str, status: u16, answer: &Value) -> Vec<String> {
        let call = &self.0["paths"][path][method];
        let response = &call["responses"][status.to_string()];
        if response.is_null() {
            return vec![format!("{method} {path}: no answer {status} is described")];
        }
        let schema = &response["content"]["application/json"]["schema"];
        let mut faults = Vec::new();
        self.check(schema, answer, &format!("{method} {path}"), &mut faults);
        faults
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.strip_prefix('#').unwrap_or(name);
            match self.0.pointer(pointer) {
                Some(schema) => self.check(schema, value, at, faults),
                None => faults.push(format!("{at}: there is no {name}")),
            }
            return;
        }
        let wanted = match &schema["type"] {
            Value::Array(types) => types.clone(),
            one => vec![one.clone()],
        };
        let wanted: Vec<&str> = wanted.iter().filter_map(Value::as_str).collect();
        if !wanted.iter().any(|name| is_of(name, value)) {
            faults.push(format!("{at}: {value} is none of {wanted:?}"));
            return;
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            faults.push(format!("{at}: {value} is none of {allowed:?}"));
        }
        if let (Some(minimum), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
            && number < minimum
        {
            faults.push(format!("{at}: {number} is less than {minimum}"));
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if !schema["items"].is_null() {
                self.check(&schema["items"], item, &format!("{at}[{index}]"), faults);
            }
        }
        if value.is_object() {
            self.check_object(schema, value, at, faults);
        }
    }

    fn check_object(&self, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if value.get(name).is_none() {
                faults.push(format!("{at}: {name} is missing"));
            }
        }
        for (name, inner) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{name}");
            match (&schema["properties"][name], &schema["additionalProperties"]) {
                (Value::Null, Value::Bool(false)) => faults.push(format!("{at} is not described")),
                (Value::Null, Value::Object(more)) => {
                    self.check(&Value::Object(more.clone()), inner, &at, faults);
                }
                (Value::Null, _) => {}
                (schema, _) => self.check(schema, inner, &at, faults),
            }
        }
    }
}

fn is_of(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_as_described_is_told() {
        let schema = json!({
            "type": "object",
            "properties": {
                "a": {"$ref": "#/word"},
                "b": {"type": ["integer", "null"], "minimum": 1},
                "c": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["a"],
            "additionalProperties": false,
        });
        let description = Description(json!({
            "word": {"type": "string", "enum": ["x", "y"]},
            "paths": {"/": {"get": {"responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}},
        }));
        let count = |answer: Value| description.faults("get", "/", 200, &answer).len();
        assert_eq!(count(json!({"a": "x", "b": null, "c": ["z"]})), 0);
        for wrong in [
            json!([]),
            json!({}),
            json!({"a": "z"}),
            json!({"a": 1}),
            json!({"a": "x", "b": 0}),
            json!({"a": "x", "b": 1.5}),
            json!({"a": "x", "c": [1]}),
            json!({"a": "x", "d": 1}),
        ] {
            assert_eq!(count(wrong.clone()), 1, "{wrong}");
        }
        assert_eq!(description.faults("get", "/", 404, &json!({})).len(), 1);
    }
}
