//! Texts that look like secrets and are none.

use super::words::{hex, noise};

/// Texts without any secret, which stay as they are.
pub fn harmless() -> Vec<String> {
    let image = noise(400, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    let mut all: Vec<String> = vec![
        format!("commit {}", hex(40)),
        format!("sha256:{}", hex(64)),
        format!("blake3 {} *file", hex(64)),
        format!("data:image/png;base64,iVBORw0KGgo{image}="),
        format!("index {}..{} 100644", hex(7), hex(7)),
    ];
    all.extend(
        [
            "3f2b8c1e-9d4a-4f6b-8a57-0c1d2e3f4a5b",
            "password:",
            "Password: ",
            "password: \"\"",
            "the password is asked for by the program",
            "add a password field and a token type",
            "tokens: 12345678, cached 99887766",
            "max_tokens=128000",
            "input_tokens: 1234567",
            "token_count = 1234567890",
            "let token = self.next_token();",
            "let token = lexer.tokens.next();",
            "fn token(&self) -> Token<'a> {",
            "token: TokenKind::Identifier,",
            "password: Option<String>,",
            "password = read_password(prompt)?;",
            "password: ${{ secrets.DEPLOY_PASSWORD }}",
            "API_KEY=$API_KEY",
            "export API_KEY=\"$OTHER_API_KEY\"",
            "API_KEY=<your-key-here>",
            "api_key = os.environ[\"API_KEY\"]",
            "secret = process.env.CLIENT_SECRET",
            "{\"password\": {\"type\": \"string\"}}",
            "PRIMARY KEY (id), FOREIGN KEY (user_id)",
            "primary_key: customer_identifier",
            "key: crew-run-0005",
            "monkey=bananas-and-more",
            "https://example.org/path?page=2&sort=name",
            "https://docs.example.org:8443/a/b@2.0.0/c",
            "git@github.com:example/project.git",
            "see user:pass syntax in RFC 3986",
            "risk-based-approach-to-testing-everything",
            "task-1-of-22-is-done-and-task-2-begins",
            "ask-me-anything-about-this-topic",
            "ASIANINFLUENCEDCUISINE",
            "SKETCHES and SKILLS",
            "the author: Ada Lovelace <ada@example.org>",
            "Author: Ada Lovelace 1815",
            "bearer of good news for everybody",
            "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUQ\n-----END CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYI\n-----END PUBLIC KEY-----",
            "12:34:56 run 17: started 2026-05-01T09:30:00.123Z",
            "naïve ünïcode, 日本語, 🔑",
            "session: 3f2b8c1e-9d4a-4f6b-8a57-0c1d2e3f4a5b",
            "npm_config_registry and npm_package_name are variables",
            "hf_hub_download(repo_id, filename)",
        ]
        .map(str::to_owned),
    );
    all
}
