import time, json, os, re
from rig import canary
from rig.api import Sender, as_multipart
def rss(p):
    t = open(f"/proc/{p.process.pid}/status").read(); return {k: int(re.search(rf"{k}:\s+(\d+)", t)[1]) // 1024 for k in ("VmRSS", "VmHWM")}
def test_nest(own_platform, sink):
    p = own_platform({"log": {"level": "warn"}}); d = p.domain(p.account()); s = Sender(p, d)
    def mime(body, to, vars=None):
        t = time.time(); f = [("to", (None, to)), ("message", ("m", body, "message/rfc822"))] + ([("recipient-variables", (None, vars))] if vars else [])
        r = s.post(s.messages + ".mime", files=f); return r.status_code, r.text[:120], round(time.time() - t, 2)
    for depth in (100, 5000, 50000):
        b = f"From: a@{d.name}\r\nSubject: s\r\nMIME-Version: 1.0\r\n".encode()
        for i in range(depth): b += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i)
        b += b"Content-Type: text/plain\r\n\r\n%recipient.a%\r\n"
        to = canary.word() + "@rcpt.test"; print(depth, mime(b, to), mime(b, to, json.dumps({to: {"a": "x"}})), rss(p))
    b = f"From: a@{d.name}\r\nSubject: s\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".encode() + b"--b\r\n\r\nx\r\n" * 200000; print("200k parts", mime(b, to), mime(b, to, json.dumps({to: {"a": "x"}})), rss(p))
    b = f"From: a@{d.name}\r\n\r\n".encode() + b"%recipient.a%" * 800000; print("blowup value", len(b), mime(b, to, json.dumps({to: {"a": "y" * 10000}})), rss(p))
    t = time.time(); r = s.try_send([("from", f"a@{d.name}"), ("to", to), ("text", "%recipient.a%" * 100000), ("recipient-variables", json.dumps({to: {"a": "z" * 100000}}))]); print("form blowup 10GB", r.status_code, r.text[:150], round(time.time() - t, 2), rss(p))
    who = {canary.word() + "@rcpt.test": {"a": i} for i in range(1000)}; blob = os.urandom(5_000_000); t = time.time()
    r = s.post(s.messages, files=as_multipart([("from", f"a@{d.name}")] + [("to", x) for x in who] + [("text", "%recipient.a%"), ("recipient-variables", json.dumps(who)), ("o:deliverytime", str(int(time.time()) + 3600))], [("attachment", ("a", blob, "a/b"))])); print("5MB x 1000", r.status_code, r.text[:150], round(time.time() - t, 2), rss(p), sum(f.stat().st_size for f in p.data.rglob("*") if f.is_file()) >> 20, "MiB on disk")
    print(s.get("/readyz").status_code)
