//! Secrets of every usual kind.
//!
//! They are put together when a test runs, so that no scanner takes this repository for one that leaks.

/// One secret as it stands in a text.
#[derive(Debug, Clone)]
pub struct Secret {
    /// What it is.
    pub kind: &'static str,
    /// It, with what belongs to it.
    pub text: String,
    /// The part of it that nobody may see.
    pub hidden: String,
}

/// Token characters that look random and are always the same.
pub fn noise(length: usize, alphabet: &str) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut out = String::new();
    for _ in 0..length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(state >> 33).unwrap_or(0) % letters.len();
        out.push(letters[at]);
    }
    out
}

fn mixed(length: usize) -> String {
    noise(length, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
}

fn upper(length: usize) -> String {
    noise(length, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

pub fn hex(length: usize) -> String {
    noise(length, "0123456789abcdef")
}

fn digits(length: usize) -> String {
    format!("7{}", noise(length - 1, "0123456789"))
}

/// A private key in PEM, with this between its lines.
pub fn pem(kind: &str, newline: &str) -> String {
    let lines: Vec<String> = (0..6_usize).map(|at| format!("{at}{}", mixed(63))).collect();
    let (begin, end) = (format!("-----BEGIN {kind}-----"), format!("-----END {kind}-----"));
    [begin, lines.join(newline), end].join(newline)
}

/// One secret of every kind.
pub fn secrets() -> Vec<Secret> {
    let mut all = tokens();
    all.extend(named());
    all.extend(keys());
    all
}

/// Tokens that say what they are.
fn tokens() -> Vec<Secret> {
    let mut all = Vec::new();
    for (kind, start, rest) in [
        ("anthropic", "sk-ant-api03-", mixed(80)),
        ("openai", "sk-", mixed(48)),
        ("openai project", "sk-proj-", mixed(60)),
        ("openai service account", "sk-svcacct-", mixed(60)),
        ("openrouter", "sk-or-v1-", hex(64)),
        ("google", "AIza", mixed(35)),
        ("google oauth", "ya29.", mixed(60)),
        ("google client", "GOCSPX-", mixed(28)),
        ("aws access key", "AKIA", upper(16)),
        ("aws session key", "ASIA", upper(16)),
        ("github classic", "ghp_", mixed(36)),
        ("github oauth", "gho_", mixed(36)),
        ("github user", "ghu_", mixed(36)),
        ("github app", "ghs_", mixed(36)),
        ("github refresh", "ghr_", mixed(36)),
        ("github fine grained", "github_pat_", mixed(82)),
        ("gitlab", "glpat-", mixed(20)),
        ("gitlab runner", "glrt-", mixed(20)),
        ("slack bot", "xoxb-", format!("{}-{}-{}", digits(11), digits(11), mixed(24))),
        ("slack user", "xoxp-", format!("{}-{}-{}", digits(11), digits(11), mixed(24))),
        ("slack app", "xapp-", format!("1-A{}-{}-{}", upper(9), digits(12), hex(64))),
        ("stripe", "sk_live_", mixed(24)),
        ("stripe test", "sk_test_", mixed(24)),
        ("stripe restricted", "rk_live_", mixed(24)),
        ("stripe webhook", "whsec_", mixed(32)),
        ("npm", "npm_", mixed(36)),
        ("pypi", "pypi-", format!("AgEIcHlwaS5vcmc{}", mixed(80))),
        ("huggingface", "hf_", mixed(34)),
        ("sendgrid", "SG.", format!("{}.{}", mixed(22), mixed(43))),
        ("twilio key", "SK", hex(32)),
        ("digitalocean", "dop_v1_", hex(64)),
        ("docker", "dckr_pat_", mixed(27)),
        ("vault", "hvs.", mixed(90)),
        ("tailscale", "tskey-auth-", mixed(30)),
        ("groq", "gsk_", mixed(52)),
        ("xai", "xai-", mixed(80)),
        ("replicate", "r8_", mixed(37)),
        ("perplexity", "pplx-", mixed(48)),
        ("nvidia", "nvapi-", mixed(64)),
        ("linear", "lin_api_", mixed(40)),
        ("shopify", "shpat_", hex(32)),
        ("mailgun", "key-", hex(32)),
        ("age", "AGE-SECRET-KEY-1", upper(58)),
    ] {
        all.push(Secret { kind, text: format!("{start}{rest}"), hidden: rest });
    }
    let (head, claims, seal) = (mixed(20), mixed(40), mixed(43));
    let jwt = format!("eyJ{head}.eyJ{claims}.{seal}");
    all.push(Secret { kind: "jwt", text: jwt, hidden: seal });
    let bot = mixed(35);
    all.push(Secret { kind: "telegram", text: format!("{}:{bot}", digits(10)), hidden: bot });
    all
}

/// Values whose name or place says what they are; `@` is the value.
fn named() -> Vec<Secret> {
    let mut all = Vec::new();
    for (kind, form, value) in [
        ("aws secret", "aws_secret_access_key = @", mixed(40)),
        ("aws secret of the environment", "AWS_SECRET_ACCESS_KEY=@", mixed(40)),
        ("azure", "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=@==;", mixed(86)),
        ("azure signature", "https://x.blob.core.windows.net/c?sv=2022&sig=@", mixed(43)),
        ("twilio token", "TWILIO_AUTH_TOKEN=@", hex(32)),
        ("bearer", "Authorization: Bearer @", mixed(24)),
        ("basic", "authorization: Basic @==", mixed(24)),
        ("token header", "-H 'Authorization: token @'", mixed(20)),
        ("api key header", "X-Api-Key: @", mixed(20)),
        ("cookie", "Cookie: theme=dark; session=@; x=y", mixed(30)),
        ("set cookie", "Set-Cookie: sid=@; HttpOnly", mixed(30)),
        ("basic auth in a URL", "git clone https://ada:@@example.org/x.git", mixed(14)),
        ("token in a URL", "https://@@github.com/x/y", mixed(40)),
        ("database", "postgres://app:@@db.example.org:5432/shop", mixed(12)),
        ("netrc", "machine example.org login ada password @", mixed(12)),
        ("exported", "export FOO_TOKEN=@", mixed(12)),
        ("quoted", "export DB_PASSWORD='@ $%'", mixed(9)),
        ("signs", "SMTP_PASSWORD=p!@#x", mixed(9)),
        ("json", "{\"client_secret\": \"@\"}", mixed(16)),
        ("camel case", "clientSecret: '@',", mixed(16)),
        ("escaped json", "{\\\"apiKey\\\":\\\"@\\\"}", mixed(20)),
        ("yaml", "password: @", mixed(10)),
        ("query", "https://example.org/?x=1&access_token=@&y=2", mixed(20)),
        ("flag", "curl --token=@ -s", mixed(20)),
    ] {
        // `@@` is a value before the sign that ends it.
        let text = form.replacen('@', &value, 1);
        all.push(Secret { kind, text, hidden: value });
    }
    all
}

/// Private keys.
fn keys() -> Vec<Secret> {
    let mut all = Vec::new();
    for (kind, newline) in [("pem", "\n"), ("pem in json", "\\n"), ("pem with returns", "\r\n")] {
        let text = pem("RSA PRIVATE KEY", newline);
        let hidden = format!("3{}", mixed(63));
        all.push(Secret { kind, text, hidden });
    }
    for kind in ["OPENSSH PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
        all.push(Secret { kind, text: pem(kind, "\n"), hidden: format!("5{}", mixed(63)) });
    }
    all
}
