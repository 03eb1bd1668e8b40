"""The pages of Users, and who may see them."""

from __future__ import annotations

from talktime.core.roles import Right
from talktime.portal.pages import get, post
from talktime.portal.users import assigning, importing, licences, listing, one
from talktime.web.routes import IMPORT_BYTES_MAX

SEE, CHANGE = Right.PEOPLE_SEE, Right.PEOPLE_CHANGE
ONE, LICENCES, IMPORT = "/users/{id}", "/users/licences", "/users/import"
# What stands around the file in a form.
FILE_BYTES_MAX = IMPORT_BYTES_MAX + (1 << 16)

PAGES = [
    get("/users", listing.to_list, SEE),
    get("/users/list", listing.get_list, SEE),
    get("/users/users.csv", listing.get_file, SEE),
    get("/users/new", one.get_new, CHANGE),
    post("/users/new", one.add, CHANGE),
    get(IMPORT, importing.get_import, CHANGE),
    post(IMPORT, importing.preview, CHANGE, bytes_max=FILE_BYTES_MAX),
    post(f"{IMPORT}/take", importing.take, CHANGE, bytes_max=FILE_BYTES_MAX),
    get(LICENCES, licences.get_licences, SEE),
    get(f"{LICENCES}/quantities", licences.get_quantities, CHANGE),
    post(f"{LICENCES}/quantities", licences.save_quantities, CHANGE),
    get(f"{LICENCES}/assign", assigning.get_assigning, CHANGE),
    post(f"{LICENCES}/assign", assigning.assign, CHANGE),
    get(ONE, one.get_user, SEE),
    post(ONE, one.save_details, CHANGE),
    post(f"{ONE}/licences", one.save_licences, CHANGE),
    post(f"{ONE}/policy", one.save_policy, CHANGE),
    post(f"{ONE}/block", one.block, CHANGE),
    post(f"{ONE}/unblock", one.unblock, CHANGE),
    get(f"{ONE}/remove", one.get_removal, CHANGE),
    post(f"{ONE}/remove", one.remove, CHANGE),
]
