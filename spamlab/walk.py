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


def settle(order, begin, end, verb, transaction, status, decided, of, again, by, code, client):
    """Let an answer decide the recipients of a message that were accepted; ``again``: also those decided before."""
    for k in range(begin, end):
        j = order[k] if len(order) > 0 else k
        still = status[j] == ACCEPTED or (again and status[j] == DELIVERED)
        if verb[j] == _RCPT and still and transaction[j] == of:
            if code >= 400:
                status[j] = REJECTED
                decided[j] = by
            elif client:
                status[j] = DELIVERED
                decided[j] = by


def walk(
    order, both, session, role, direction, skip, gives_up, verb, code, pending, kind, transaction, answer, status,
    decided, step,
):  # fmt: skip
    """Walk through all sessions: the number of transactions.

    In, per event: its ``session``, ``role``, ``direction``, ``skip`` (an echo or a note), ``gives_up`` (the server's
    own word that the connection is lost), ``verb`` (its place in ``VERBS``), reply ``code`` (-1: none); ``pending`` is
    scratch. ``order``: the events, session after session, as they were said (empty: as they stand). ``both`` (empty:
    none): which events hold a command, told by their ``verb`` and ``direction``, and its answer's code; what is told of
    such an event is told of the command, which it answers itself.
    Out: ``kind``; ``transaction`` (-1: none); ``answer``, of a command (and of the last piece of a message's text) the
    event that answers it; ``status`` and ``decided`` of a RCPT; ``step``, of an AUTH response the AUTH command.
    Replies answer pending commands in order (RFC 2920), except that codes which belong to one command only (354,
    334/235/535, 221) find that command.
    """
    ordered, doubled = len(order) > 0, len(both) > 0
    head = tail = 0
    made = 0  # transactions so far
    current = -1
    auth = -1  # the AUTH command whose exchange is under way
    text = text_at = -1  # the last piece of the message that is under way, and its place in the order
    body_transaction = -1
    before = -1  # the session
    # Places in the order: of the DATA command whose message is under way, its MAIL, and that of the transaction.
    body = mail = -1
    body_mail = 0
    for k in range(len(session)):
        i = order[k] if ordered else k
        if i < 0:
            return -1  # never; it tells the compiler that no index counts from an array's end
        if session[i] != before:
            before = session[i]
            head = tail
            current = auth = body = body_transaction = mail = -1
        transaction[i] = current
        if gives_up[i] and mail >= 0:
            for m in range(mail, k):
                j = order[m] if ordered else m
                if verb[j] == _RCPT and status[j] == ACCEPTED and kind[j] == COMMAND:
                    status[j] = DEFERRED
                    decided[j] = i
        if skip[i]:
            kind[i] = OTHER
            continue
        client = role[i] == CLIENT
        asks = (direction[i] == SENT) == client
        if asks:
            # The client speaks: message text, an AUTH response or a command.
            if body >= 0 and role[i] == SERVER:
                kind[i] = TEXT
                transaction[i] = body_transaction
                text = i
                text_at = k
            else:
                if auth >= 0 and (verb[i] < 0 or verb[i] == _UNKNOWN):
                    kind[i] = RESPONSE
                    step[i] = auth
                else:
                    kind[i] = COMMAND
                    auth = -1
                    if verb[i] == _MAIL:
                        current = made
                        made += 1
                        mail = k
                        transaction[i] = current
                    elif verb[i] == _AUTH:
                        auth = i
                    elif verb[i] == _RCPT:
                        status[i] = PENDING
                    elif verb[i] == _RSET or verb[i] == _QUIT or 0 <= verb[i] <= _HELLO or verb[i] == _TLS:
                        if verb[i] != _RSET:
                            transaction[i] = -1
                        current = -1
                pending[tail] = k
                tail += 1
            if not doubled or not both[i]:
                continue
        else:
            kind[i] = REPLY
        if body >= 0 and code[i] != 354:
            # The verdict on the message decides every recipient accepted so far.
            if not asks:
                transaction[i] = body_transaction
            if text_at > body:
                answer[text] = i
            until = body if body_transaction >= 0 else body_mail
            settle(
                order, body_mail, until, verb, transaction, status, decided, body_transaction, False, i, code[i], client
            )
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
            for m in range(head, min(tail, head + 100)):
                j = order[pending[m]] if ordered else pending[m]
                is_auth = wanted == _AUTH and kind[j] == RESPONSE
                if verb[j] == wanted or is_auth:
                    head = m
                    break
        asked_at = pending[head]
        asked = order[asked_at] if ordered else asked_at
        head += 1
        answer[asked] = i
        if not asks:
            transaction[i] = transaction[asked]
        asked_verb = -1 if kind[asked] == RESPONSE else verb[asked]
        of = transaction[asked]
        if kind[asked] == RESPONSE or asked_verb == _AUTH:
            if code[i] != 334:
                auth = -1
        elif asked_verb == _RCPT:
            status[asked] = ACCEPTED if 200 <= code[i] < 300 else REJECTED if code[i] >= 400 else PENDING
            decided[asked] = i
        elif asked_verb == _MAIL:
            if code[i] >= 400 and of == current:
                current = -1
        elif asked_verb == _DATA:
            if code[i] == 354:
                body = asked_at
                body_transaction = of
                body_mail = max(mail, 0)
            elif code[i] >= 200 and of >= 0:
                # The message is refused at once, or the log leaves the 354 out.
                settle(order, mail, asked_at, verb, transaction, status, decided, of, False, i, code[i], client)
                if of == current:
                    current = -1
        elif asked_verb == _BDAT and code[i] >= 200 and mail >= 0 and of >= 0:
            # The last chunk's answer decides (RFC 3030); the earlier ones' say the same or end the transaction.
            settle(order, mail, asked_at, verb, transaction, status, decided, of, True, i, code[i], client)
    return made
