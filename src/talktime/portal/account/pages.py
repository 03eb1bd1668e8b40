"""The pages around signing in, and a member's own."""

from __future__ import annotations

from functools import partial

from talktime.portal import pages
from talktime.portal.account import again, factor, links, me, sign_in, sso
from talktime.portal.account.ways import AGAIN, CODE, SIGN_IN, SSO

# Of people, whichever organization they look into; an operator need have chosen none.
get = partial(pages.get, of_organization=False)
post = partial(pages.post, of_organization=False)

PAGES = [
    get(SIGN_IN, sign_in.get_sign_in, public=True),
    post(SIGN_IN, sign_in.sign_in, public=True),
    post(f"{SIGN_IN}/choose", sign_in.choose_organization, public=True),
    get(CODE, factor.get_code, public=True),
    post(CODE, factor.enter_code, public=True),
    get(SSO, sso.get_find, public=True),
    post(SSO, sso.find, public=True),
    get(f"{SSO}/by-mail/{{ticket}}", sso.by_mail, public=True),
    get(f"{SSO}/{{org}}", sso.begin, public=True),
    get(f"{SSO}/{{org}}/callback", sso.back, public=True),
    post("/sign-out", sign_in.sign_out, public=True),
    get("/invitation/{ticket}", links.get_invitation, public=True),
    post("/invitation/{ticket}", links.accept, public=True),
    get("/password/forgot", links.get_forgot, public=True),
    post("/password/forgot", links.forgot, public=True),
    get("/password/reset/{ticket}", links.get_reset, public=True),
    post("/password/reset/{ticket}", links.reset, public=True),
    get("/set-up/{ticket}", links.get_set_up, public=True),
    post("/set-up/{ticket}", links.set_up_first, public=True),
    get("/language/{name}", sign_in.set_language, public=True),
    get(AGAIN, again.get_again),
    post(AGAIN, again.again),
    get(me.ME, me.get_me),
    post(me.ME, me.save),
    post("/me/password", me.save_password),
    post("/me/sessions/end", me.end_session, fresh=True),
    post("/me/sessions/end-others", me.end_others, fresh=True),
    get(factor.HERE, factor.get_factor, fresh=True),
    post(factor.HERE, factor.enrol, fresh=True),
    post(f"{factor.HERE}/codes", factor.renew_codes, fresh=True),
    post(f"{factor.HERE}/remove", factor.remove, fresh=True),
]
