"""Sends events to webhooks: in order for each one, at least once, again and again with growing pauses."""

from __future__ import annotations

import logging
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from avstudio_core.errors import AVStudioError
from avstudio_server.webhooks.calls import GONE, LONGEST_PAUSE, Calls

if TYPE_CHECKING:
    from avstudio_core import Delivery, Studio

log = logging.getLogger("avstudio.webhooks")
LOOK_SECONDS = 0.25
"""How often the sender looks for new events."""
TAKEOVER_SECONDS = 1.0
"""How often a server looks whether the one that sends has ended."""
AT_ONCE = 8
"""How many webhooks are called at once."""
GROWTH = 4.0
JITTER = (0.8, 1.2)


class Sender:
    """Sends while entered, unless another server on the data folder does."""

    def __init__(self, studio: Studio, calls: Calls) -> None:
        self._outbox = studio.administration.outbox
        self._calls = calls
        self._attempts = int(studio.settings.webhook_attempts)
        self._pause = float(studio.settings.webhook_pause)
        self._stop = threading.Event()
        self._busy = set[str]()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._calls.break_off()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._outbox.held() as mine:
                if mine:
                    self._send_all()
            self._stop.wait(TAKEOVER_SECONDS)

    def _send_all(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook") as pool:
            while not self._stop.wait(LOOK_SECONDS):
                try:
                    found = set(self._outbox.due()) - self._busy
                except AVStudioError as error:  # for example a full disk: the next look finds them all
                    log.warning("Webhooks are notified later: %s", error)
                    continue
                for webhook_id in found:
                    self._busy.add(webhook_id)
                    pool.submit(self._tell, webhook_id)
            self._calls.break_off()

    def _tell(self, webhook_id: str) -> None:
        """Send a webhook all its events, until one is not taken."""
        try:
            while not self._stop.is_set() and (delivery := self._outbox.next(webhook_id)) is not None:
                if not self._sent(delivery):
                    return
        except AVStudioError as error:
            log.warning("The webhook '%s' is notified later: %s", webhook_id, error)
        except Exception:
            log.exception("The webhook '%s' is notified later", webhook_id)
        finally:
            self._busy.discard(webhook_id)

    def _sent(self, delivery: Delivery) -> bool:
        """Make one attempt; return whether the next event follows."""
        outcome, tried = self._calls.send(delivery), delivery.webhook.attempts + 1
        if outcome.taken:
            self._outbox.delivered(delivery)
            return True
        if self._stop.is_set():  # it was broken off, which is not the webhook's fault
            return False
        log.warning("The webhook '%s' did not take '%s': %s", delivery.webhook.id, delivery.id, outcome.reason)
        if outcome.status == GONE:
            self._outbox.switch_off(delivery, outcome.reason)
            return False
        if tried >= self._attempts:
            self._outbox.give_up(delivery, outcome.reason)
            return True
        pause = min(LONGEST_PAUSE, self._pause * GROWTH ** min(tried - 1, 20)) * random.uniform(*JITTER)
        self._outbox.postpone(delivery, max(pause, outcome.retry_after), outcome.reason)
        return False
