//! The operations, by the name each version gives them.

/// A version of the protocol that is spoken here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// 1.0.
    V1,
    /// 0.3, whose clients send no version.
    V03,
}

/// What can be asked of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Send a message, wait for the task's end or its next question.
    Send,
    /// Send a message, follow the task as it goes.
    Stream,
    /// Look at a task.
    Get,
    /// List tasks.
    List,
    /// Cancel a task.
    Cancel,
    /// Follow a task that is there.
    Subscribe,
    /// Any of the methods on push notifications.
    Push,
    /// The card for those who are known.
    ExtendedCard,
}

const NAMES: [(Method, &str, &str); 11] = [
    (Method::Send, "SendMessage", "message/send"),
    (Method::Stream, "SendStreamingMessage", "message/stream"),
    (Method::Get, "GetTask", "tasks/get"),
    (Method::List, "ListTasks", "tasks/list"),
    (Method::Cancel, "CancelTask", "tasks/cancel"),
    (Method::Subscribe, "SubscribeToTask", "tasks/resubscribe"),
    (Method::Push, "CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"),
    (Method::Push, "GetTaskPushNotificationConfig", "tasks/pushNotificationConfig/get"),
    (Method::Push, "ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list"),
    (Method::Push, "DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete"),
    (Method::ExtendedCard, "GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard"),
];

impl Version {
    /// Reads `1.0`, `0.3`, `0.3.0` and the like; the patch number says nothing. `None` for what is not spoken here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.');
        let (major, minor) = (numbers.next()?, numbers.next().unwrap_or("0"));
        match (major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?) {
            (1, _) => Some(Self::V1),
            (0, 3) => Some(Self::V03),
            _ => None,
        }
    }

    /// Major and minor, as headers and cards say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "1.0",
            Self::V03 => "0.3",
        }
    }
}

impl Method {
    /// The operation of this name and the version whose name it is.
    #[must_use]
    pub fn parse(name: &str) -> Option<(Self, Version)> {
        NAMES.iter().find_map(|(method, new, old)| match name {
            _ if name == *new => Some((*method, Version::V1)),
            _ if name == *old => Some((*method, Version::V03)),
            _ => None,
        })
    }

    /// Its name; of the methods on push notifications the first.
    #[must_use]
    pub fn name(self, version: Version) -> &'static str {
        let found = NAMES.iter().find(|(method, ..)| *method == self);
        found.map_or("", |(_, new, old)| match version {
            Version::V1 => new,
            Version::V03 => old,
        })
    }

    /// Whether the answer is a stream of events.
    #[must_use]
    pub fn streams(self) -> bool {
        matches!(self, Self::Stream | Self::Subscribe)
    }
}
