"""How often each customer uses each channel; load it with `kehu serve --projection FILE`."""

from kehu import CustomerId, InteractionRecorded, Recorded, View, on, view


@view("channel_uses", key="customer_id channel", indexes=["contacts"])
class ChannelUse(View):
    """How often a customer was in contact on one channel."""

    customer_id: CustomerId
    channel: str
    """phone, sms, email, web, chat, shop or visit"""
    contacts: int = 0

    @on(InteractionRecorded)
    def contacted(self, recorded: Recorded[InteractionRecorded]) -> "ChannelUse":
        return self.but(contacts=self.contacts + 1)
