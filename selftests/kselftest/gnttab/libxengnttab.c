// SPDX-License-Identifier: GPL-2.0-only
/* The stable library on both grant nodes, as programs use it: share, map, notify, copy. */
#include <xengnttab.h>

#include "grant.h"

int main(void)
{
	xengnttab_grant_copy_segment_t segment = { 0 };
	char text[] = "from here to there", back[sizeof(text)] = "";
	xengntshr_handle *share;
	xengnttab_handle *table;
	uint32_t refs[4], domids[4];
	char *ours, *theirs;
	int self, i;

	tap_start();
	close(node_open(GNTDEV_NODE));
	close(node_open(GNTALLOC_NODE));
	self = grant_own_domid();
	if (self < 0)
		tap_skip_all("no store that tells this domain's number");
	share = xengntshr_open(NULL, 0);
	table = xengnttab_open(NULL, 0);
	if (!check(share && table, "open"))
		tap_bail_out("the library");

	ours = xengntshr_share_pages(share, self, 4, refs, 1);
	if (!check(ours != NULL, "share four pages"))
		tap_bail_out("share");
	for (i = 0; i < 4; i++) {
		domids[i] = self;
		ours[i * PAGE] = 'a' + i;
	}
	theirs = xengnttab_map_grant_refs(table, 4, domids, refs, PROT_READ | PROT_WRITE);
	check(theirs && theirs[0] == 'a' && theirs[3 * PAGE] == 'd', "map them");
	check(theirs && xengnttab_unmap(table, theirs, 4) == 0, "unmap");
	theirs = xengnttab_map_domain_grant_refs(table, 4, self, refs, PROT_READ);
	check(theirs && theirs[PAGE] == 'b', "map all of one domain");
	check(theirs && xengnttab_unmap(table, theirs, 4) == 0, "unmap");
	theirs = xengnttab_map_grant_ref_notify(table, self, refs[2], PROT_READ | PROT_WRITE, 7, -1);
	check(theirs && theirs[0] == 'c', "map one with a byte that tells its end");
	ours[2 * PAGE + 7] = 1;
	check(theirs && xengnttab_unmap(table, theirs, 1) == 0 && ours[2 * PAGE + 7] == 0, "the byte is cleared then");
	check(!xengnttab_map_grant_ref(table, self, 0x7fffff, PROT_READ), "a reference that does not exist");

	segment.source.virt = text;
	segment.dest.foreign.ref = refs[1];
	segment.dest.foreign.domid = self;
	segment.dest.foreign.offset = 100;
	segment.len = sizeof(text);
	segment.flags = GNTCOPY_dest_gref;
	check(xengnttab_grant_copy(table, 1, &segment) == 0 && segment.status == GNTST_okay && !strcmp(ours + PAGE + 100, text), "copy out");
	segment.source.foreign = segment.dest.foreign;
	segment.dest.virt = back;
	segment.flags = GNTCOPY_source_gref;
	check(xengnttab_grant_copy(table, 1, &segment) == 0 && !strcmp(back, text), "copy in");
	check(xengntshr_unshare(share, ours, 4) == 0, "unshare");
	check(xengnttab_close(table) == 0 && xengntshr_close(share) == 0, "close");
	tap_finish();
}
