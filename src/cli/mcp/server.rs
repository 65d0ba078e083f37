//! The MCP server: what it offers, and how calls are answered; a call that fails says why to its caller.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::{Map, Value, json};

use super::agent::Agent;
use super::outer::Outer;

/// Whom the server works for.
#[derive(Debug, Clone)]
pub(super) enum Offer {
    /// An agent in its attempt.
    Agent(Agent),
    /// A session outside of crew.
    Outer(Outer),
}

/// The server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    offer: Offer,
}

/// What a call is answered: text to read, and the same as data.
#[derive(Debug)]
pub(super) struct Answer {
    pub text: String,
    pub json: Value,
    pub is_error: bool,
}

impl Answer {
    /// Why something did not happen, and what to do instead.
    pub fn refused(code: &str, message: &str, hint: &str) -> Self {
        let text =
            if hint.is_empty() { message.to_owned() } else { format!("{message}\nhint: {hint}") };
        let json = json!({"error": {"code": code, "message": message, "hint": hint}});
        Self { text, json, is_error: true }
    }
}

impl Server {
    /// A server with this offer.
    pub fn new(offer: Offer) -> Self {
        Self { offer }
    }

    fn tools(&self) -> &'static [Verb] {
        match &self.offer {
            Offer::Agent(_) => super::agent::VERBS,
            Offer::Outer(_) => super::outer::VERBS,
        }
    }
}

/// A verb as clients see it.
#[derive(Debug)]
pub(super) struct Verb {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What it takes: name, JSON schema, and whether it must be given.
    pub takes: &'static [(&'static str, &'static str, bool)],
}

impl Verb {
    fn tool(&self) -> Tool {
        let properties: Map<String, Value> = self
            .takes
            .iter()
            .map(|(name, schema, _)| {
                // The schemas are literals of this program, and a test reads them all.
                let schema = serde_json::from_str(schema).unwrap_or_default();
                ((*name).to_owned(), schema)
            })
            .collect();
        let required: Vec<&str> =
            self.takes.iter().filter(|(_, _, must)| *must).map(|(name, _, _)| *name).collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("properties".to_owned(), properties.into());
        schema.insert("required".to_owned(), json!(required));
        schema.insert("additionalProperties".to_owned(), false.into());
        Tool::new(Cow::Borrowed(self.name), Cow::Borrowed(self.about), Arc::new(schema))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let about = match &self.offer {
            Offer::Agent(_) => {
                "You are an agent in a run of crew. Write gates, send messages and ask people with these tools."
            }
            Offer::Outer(_) => {
                "crew runs teams of coding agents through workflows. What a person has to decide is shown here and decided \
                 by the person alone, with `crew` at a terminal."
            }
        };
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("crew", env!("CARGO_PKG_VERSION")))
            .with_instructions(about)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = self.tools().iter().map(Verb::tool).collect();
        Ok(ListToolsResult { tools, ..ListToolsResult::default() })
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if self.tools().iter().all(|verb| verb.name != request.name) {
            let message = format!("there is no tool `{}`", request.name);
            return Err(ErrorData::new(ErrorCode::INVALID_PARAMS, message, None));
        }
        let arguments = request.arguments.unwrap_or_default();
        let call = async {
            match &self.offer {
                Offer::Agent(agent) => agent.call(&request.name, arguments).await,
                Offer::Outer(outer) => outer.call(&request.name, arguments).await,
            }
        };
        let answer = tokio::select! {
            answer = call => answer,
            () = context.ct.cancelled() => Answer::refused("cancelled", "the call was cancelled", ""),
        };
        let blocks = vec![ContentBlock::text(answer.text)];
        let mut result = if answer.is_error {
            CallToolResult::error(blocks)
        } else {
            CallToolResult::success(blocks)
        };
        result.structured_content = Some(answer.json);
        Ok(result.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_schemas_that_are_json() {
        for verb in super::super::agent::VERBS.iter().chain(super::super::outer::VERBS) {
            for (name, schema, _) in verb.takes {
                let read: Value = serde_json::from_str(schema).unwrap();
                assert!(read.is_object(), "{} {name}", verb.name);
            }
            assert!(!verb.tool().input_schema.is_empty());
        }
    }

    #[test]
    fn no_verb_decides_for_a_person() {
        let names = super::super::agent::VERBS.iter().chain(super::super::outer::VERBS);
        for verb in names {
            let is_decision = ["approve", "reject", "suggest", "answer", "merge", "discard"];
            assert!(!is_decision.contains(&verb.name), "{}", verb.name);
        }
    }
}
