# mypy: disallow-untyped-defs=False, disallow-untyped-calls=False

"""The SMTP state machine: one pass over the events of all sessions, in order (RFC 5321, 2920, 4954).

It knows no log format: readers give it sessions, directions, verbs and reply codes. Plain Python over flat
arrays, which ``engine`` can compile.
"""

from __future__ import annotations

CLIENT, SERVER = 0, 1
SENT, RECEIVED = 0, 1
VERBS = ("EHLO", "HELO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "QUIT", "AUTH", "STARTTLS", "NOOP",
         "VRFY", "EXPN", "HELP", "ETRN", "TURN", "SEND", "SOML", "SAML", "XEXCH50")  # fmt: skip
_HELLO, _MAIL, _RCPT, _DATA, _BDAT, _RSET, _QUIT, _AUTH, _TLS = 2, 3, 4, 5, 6, 7, 8, 9, 10

_UNKNOWN = len(VERBS)

COMMAND, REPLY, TEXT, RESPONSE, OTHER = 0, 1, 2, 3, 4  # what walk calls an event
PENDING, ACCEPTED, DELIVERED, REJECTED, DEFERRED = 0, 1, 2, 3, 4  # a recipient's state


def walk(
    first, role, direction, skip, gives_up, verb, code, pending, kind, transaction, answer, status, decided, step
):  # fmt: skip
    """Walk through all sessions: the number of transactions.

    In, per event: ``first`` of its session, ``role``, ``direction``, ``skip`` (an echo or a note), ``gives_up`` (the
    server's own word that the connection is lost), ``verb`` (its place in ``VERBS``), reply ``code`` (-1: none);
    ``pending`` is scratch.
    Out: ``kind``; ``transaction`` (-1: none); ``answer``, of a command (and of the last piece of a message's text) the
    event that answers it; ``status`` and ``decided`` of a RCPT; ``step``, of an AUTH response the AUTH command.
    Replies answer pending commands in order (RFC 2920), except that codes which belong to one command only (354,
    334/235/535, 221) find that command.
    """
    n = len(first)
    head = tail = 0
    made = 0  # transactions so far
    current = -1
    auth = -1  # the AUTH command whose exchange is under way
    body = -1  # the DATA command whose message is under way
    body_transaction = -1
    body_mail = 0
    text = -1  # the last piece of that message
    mail = -1  # the MAIL command of the current transaction
    for i in range(n):
        if first[i]:
            head = tail
            current = auth = body = body_transaction = mail = -1
        transaction[i] = current
        if gives_up[i] and mail >= 0:
            for j in range(mail, i):
                if verb[j] == _RCPT and status[j] == ACCEPTED and kind[j] == COMMAND:
                    status[j] = DEFERRED
                    decided[j] = i
        if skip[i]:
            kind[i] = OTHER
            continue
        if (direction[i] == SENT) == (role[i] == CLIENT):
            # The client speaks: message text, an AUTH response or a command.
            if body >= 0 and role[i] == SERVER:
                kind[i] = TEXT
                transaction[i] = body_transaction
                text = i
                continue
            if auth >= 0 and (verb[i] < 0 or verb[i] == _UNKNOWN):
                kind[i] = RESPONSE
                step[i] = auth
            else:
                kind[i] = COMMAND
                auth = -1
                if verb[i] == _MAIL:
                    current = made
                    made += 1
                    mail = i
                    transaction[i] = current
                elif verb[i] == _AUTH:
                    auth = i
                elif verb[i] == _RCPT:
                    status[i] = PENDING
                elif verb[i] == _RSET or verb[i] == _QUIT or 0 <= verb[i] <= _HELLO or verb[i] == _TLS:
                    if verb[i] != _RSET:
                        transaction[i] = -1
                    current = -1
            pending[tail] = i
            tail += 1
            continue
        kind[i] = REPLY
        if body >= 0 and code[i] != 354:
            # The verdict on the message decides every recipient accepted so far.
            transaction[i] = body_transaction
            if text > body:
                answer[text] = i
            for j in range(body_mail, body if body_transaction >= 0 else body_mail):
                if verb[j] == _RCPT and status[j] == ACCEPTED and transaction[j] == body_transaction:
                    if code[i] >= 400:
                        status[j] = REJECTED
                        decided[j] = i
                    elif role[i] == CLIENT:
                        status[j] = DELIVERED
                        decided[j] = i
            if current == body_transaction:
                current = -1
            body = -1
            continue
        if head == tail:
            continue  # a greeting, or a reply nobody asked for
        wanted = -1
        if code[i] == 354:
            wanted = _DATA
        elif code[i] == 221:
            wanted = _QUIT
        elif code[i] == 334 or code[i] == 235 or code[i] == 535:
            wanted = _AUTH
        if wanted >= 0:
            for j in range(head, min(tail, head + 100)):
                is_auth = wanted == _AUTH and kind[pending[j]] == RESPONSE
                if verb[pending[j]] == wanted or is_auth:
                    head = j
                    break
        asked = pending[head]
        head += 1
        answer[asked] = i
        transaction[i] = transaction[asked]
        asked_verb = -1 if kind[asked] == RESPONSE else verb[asked]
        if kind[asked] == RESPONSE or asked_verb == _AUTH:
            if code[i] != 334:
                auth = -1
        elif asked_verb == _RCPT:
            status[asked] = ACCEPTED if 200 <= code[i] < 300 else REJECTED if code[i] >= 400 else PENDING
            decided[asked] = i
        elif asked_verb == _MAIL:
            if code[i] >= 400 and transaction[asked] == current:
                current = -1
        elif asked_verb == _DATA:
            if code[i] == 354:
                body = asked
                body_transaction = transaction[asked]
                body_mail = max(mail, 0)
            elif code[i] >= 200 and transaction[asked] >= 0:
                # The message is refused at once, or the log leaves the 354 out.
                for j in range(mail, asked):
                    if verb[j] == _RCPT and status[j] == ACCEPTED and transaction[j] == transaction[asked]:
                        if code[i] >= 400:
                            status[j] = REJECTED
                            decided[j] = i
                        elif role[i] == CLIENT:
                            status[j] = DELIVERED
                            decided[j] = i
                if transaction[asked] == current:
                    current = -1
        elif asked_verb == _BDAT and code[i] >= 200 and mail >= 0:
            # The last chunk's answer decides (RFC 3030); the earlier ones' say the same or end the transaction.
            for j in range(mail, asked):
                if (
                    verb[j] == _RCPT
                    and (status[j] == ACCEPTED or status[j] == DELIVERED)
                    and transaction[j] == transaction[asked]
                    and transaction[j] >= 0
                ):
                    if code[i] >= 400:
                        status[j] = REJECTED
                        decided[j] = i
                    elif role[i] == CLIENT:
                        status[j] = DELIVERED
                        decided[j] = i
    return made
