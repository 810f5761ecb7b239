"""The settings of mail: the server by which it leaves, and how the mail of customers comes in."""

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

Port = Annotated[int, Field(ge=1, le=65535)]
Encryption = Literal["none", "starttls", "tls"]


class MailSettings(BaseSettings):
    """The mail server for notices to staff and replies to customers; without a host no mail is sent."""

    smtp_host: str | None = Field(
        None, description="Mail server for notices to staff and replies to customers; unset: no mail is sent."
    )
    smtp_port: Port = Field(587, description="Port of the mail server.")
    smtp_user: str | None = Field(None, description="User name at the mail server; unset: no sign-in there.")
    smtp_password: SecretStr | None = Field(None, description="Password at the mail server.")
    smtp_from: str = Field("cardloop@localhost", description="Address that notices are sent from.")
    smtp_tls: Encryption = Field(
        "starttls", description="How mail is encrypted: starttls, tls (from the first byte), or none on one machine."
    )


class SupportMailSettings(BaseSettings):
    """How customers write to support by mail; without an address they cannot."""

    support_mail_address: str | None = Field(
        None, pattern="^[^@\\s]+@[^@\\s]+$", description="Address that customers write to; unset: support has no mail."
    )
    support_mail_name: str = Field("Cardloop", description="Name beside that address in mail to customers.")
    support_mail_tagged: bool = Field(
        False,
        description="The mail server takes help+tag@… for help@…: replies carry their ticket in the address, too.",
    )
    support_mail_auth_server: str | None = Field(
        None,
        description="Name of our own mail server in Authentication-Results; its verdict on forged senders counts. Unset: no server's does.",
    )
    imap_host: str | None = Field(None, description="Server of support's mailbox; unset: no mailbox is read.")
    imap_port: Port = Field(993, description="Port of that server.")
    imap_user: str | None = Field(None, description="User name there; unset: support's address.")
    imap_password: SecretStr | None = Field(None, description="Password there.")
    imap_folder: str = Field("INBOX", description="Folder that is read.")
    imap_kept_folder: str = Field("Cardloop", description="Folder that mails are moved to once they are kept.")
    imap_tls: Encryption = Field(
        "tls",
        description="How the connection is encrypted: tls (from the first byte), starttls, or none on one machine.",
    )
    inbound_mail_secrets: SecretStr | None = Field(
        None,
        description="Secrets, comma between, one of which signs what a mail server posts to /inbound/mail; unset: it is closed.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        """Half a mailbox would lose complaints without a word."""
        if self.imap_host is not None and self.imap_password is None:
            raise ValueError("CARDLOOP_IMAP_HOST needs CARDLOOP_IMAP_PASSWORD")
        if self.support_mail_address is None and (self.imap_host or self.inbound_mail_secrets):
            raise ValueError("mail of customers needs CARDLOOP_SUPPORT_MAIL_ADDRESS")
        return self
