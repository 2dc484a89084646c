//! Categories of data, under the names of Fideslang 3, the taxonomy that privacy tools share.

/// What kind of data something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// The system's own: counters, versions, states.
    Operations,
    /// Keys of the system itself.
    SystemAuthentication,
    /// A number or a hash that stands for somebody.
    UniqueId,
    /// What somebody says about themselves: name, company, address.
    Account,
    /// A name to log in with.
    Username,
    /// A secret to come in with.
    Credentials,
    /// A password, as its hash.
    Password,
    /// What was chosen: options, settings.
    Settings,
    /// What happened to mail of or to somebody, and when.
    Behaviour,
    /// Who asks for something, and what is written with them about it.
    Contact,
    /// An address of mail.
    Email,
    /// A name in the DNS or a URL.
    Url,
    /// The content of mail.
    PrivateContent,
    /// An address of a network.
    IpAddress,
    /// What somebody does not want.
    Preferences,
}

impl Category {
    /// Its name in Fideslang.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operations => "system.operations",
            Self::SystemAuthentication => "system.authentication",
            Self::UniqueId => "user.unique_id",
            Self::Account => "user.account",
            Self::Username => "user.account.username",
            Self::Credentials => "user.authorization.credentials",
            Self::Password => "user.authorization.password",
            Self::Settings => "user.settings",
            Self::Behaviour => "user.behavior",
            Self::Contact => "user.contact",
            Self::Email => "user.contact.email",
            Self::Url => "user.contact.url",
            Self::PrivateContent => "user.content.private",
            Self::IpAddress => "user.device.ip_address",
            Self::Preferences => "user.privacy_preferences",
        }
    }
}
