//! Talking to targets: connection pool, OpenAI-like, Anthropic and scripted targets; drives the kernel's plans.
