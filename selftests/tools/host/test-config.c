// SPDX-License-Identifier: GPL-2.0-only
/* The syntax of xl.cfg, its keys, and what a user is told about mistakes. */
#include "config-sources.h"

static int read_config(struct config *c, const char *text)
{
	struct cfg cfg = { 0 };
	int rc;

	forget();
	*c = (struct config){ 0 };
	rc = cfg_parse(&cfg, "f", text, strlen(text)) ?: config_read(c, &cfg);
	cfg_free(&cfg);
	return rc;
}

#define BASE "name='a'\nkernel='/k'\n"

static void test_accepted(void)
{
	struct config c;
	int rc = read_config(&c, "# a comment\nname = \"web\" ; memory=0x200; vcpus = '2'\n"
			     "kernel='/boot/k' # more\nextra=\"a=\\\"b c\\\"\"\ndisk=[ 'phy:/dev/sda,xvda,w',\n"
			     " '/img,raw,sdb1,r' , \"format=raw, vdev=hdc, access=ro, devtype=cdrom, target=/a,b\", ]\n"
			     "vif = [ '', 'mac=00:16:3e:00:00:01, bridge=br0' ]\ncpus=['0','1-3,^2']\non_crash='preserve'");

	check(!rc && !*messages, "a file with all kinds of values is understood without a word");
	check(!strcmp(c.name, "web") && c.memory == 512 && c.vcpus == 2 && c.maxvcpus == 2, "numbers: hexadecimal, in quotes");
	check(!strcmp(c.extra, "a=\"b c\""), "escaped quotes");
	check(c.disks == 3 && !strcmp(c.disk[0].target, "/dev/sda") && c.disk[0].devid == 51712 && !c.disk[0].readonly,
	      "the old form of a disk");
	check(c.disks == 3 && c.disk[1].devid == (8 << 8 | 1 << 4 | 1) && c.disk[1].readonly, "a disk by position");
	check(c.disks == 3 && c.disk[2].cdrom && c.disk[2].readonly && !strcmp(c.disk[2].target, "/a,b"),
	      "a disk by keys, the target to the end");
	check(c.nics == 2 && c.nic[1].devid == 1 && c.nic[1].mac[5] == 1 && !strcmp(c.nic[1].bridge, "br0"), "network cards");
	check(c.vcpu_cpus_count == 2 && c.on_crash == ON_PRESERVE && c.on_reboot == ON_RESTART, "cpus, actions, defaults");
	config_free(&c);
	check(!read_config(&c, BASE "vif=['mac=00:16:3e:00:00:01']\nvif+=['']\nextra='a'\nextra += ' b'") && c.nics == 2 &&
	      !strcmp(c.extra, "a b"), "+= joins lists and texts");
	config_free(&c);
	check(!read_config(&c, BASE "memory=64\nmemory=96") && c.memory == 96, "the later setting counts");
	config_free(&c);
}

static void test_mistakes(void)
{
	static const struct { const char *text, *message; } cases[] = {
		{ BASE "memroy=1", "f:3: unknown key 'memroy'; did you mean 'memory'?" },
		{ BASE "qqqqqqqq=1", "f:3: unknown key 'qqqqqqqq' is ignored" },
		{ BASE "memory='much'", "f:3: memory: 'much' is no number" },
		{ BASE "memory=0", "f:3: memory: 0 is not between" },
		{ BASE "vcpus=[1]", "f:3: vcpus: a number expected, not a list" },
		{ BASE "vcpus=4\nmaxvcpus=2", "f:4: maxvcpus: less than vcpus" },
		{ BASE "on_crash='explode'", "f:3: on_crash: one of destroy" },
		{ BASE "disk=['/a,raw,xvda,w','/b,raw,xvda,w']", "f:3: disk: two disks are called xvda" },
		{ BASE "disk=['/a,qcow2,xvda,w']", "f:3: disk: format 'qcow2' is not supported" },
		{ BASE "disk=['/a,raw,disk1,w']", "f:3: disk: 'disk1' is no device" },
		{ BASE "disk=['/a']", "f:3: disk: no vdev" },
		{ BASE "vif=['mac=00:16:3e:00:00']", "f:3: vif: '00:16:3e:00:00' is no MAC address" },
		{ BASE "vif=['mac=01:16:3e:00:00:01']", "is a group's address" },
		{ BASE "vif=['brigde=x']", "f:3: vif: 'brigde=' is not known" },
		{ BASE "cpus='^0'", "f:3: cpus: an empty set" },
		{ BASE "uuid='123'", "f:3: uuid: no UUID" },
		{ BASE "type='hvm'", "f:3: type: guests of this type" },
		{ "name='../x'\nkernel='/k'", "f:1: name: a name must not contain '/'" },
		{ "name='12'\nkernel='/k'", "f:1: name: a name of digits" },
		{ "kernel='/k'", "the domain has no name" },
		{ "name='a'", "the domain has no kernel" },
		{ BASE "extra='unclosed\nmemory=1", "f:3: the text has no closing quote on its line" },
		{ BASE "disk=[ 'a'", "f:3: the list has no closing ']'" },
		{ BASE "disk=[ 'a' 'b' ]", "f:3: ',' or ']' expected" },
		{ BASE "memory 12", "f:3: '=' expected" },
		{ BASE "memory=12 vcpus=1", "f:3: end of line or ';' expected" },
		{ BASE "memory=lots", "f:3: a value is a number" },
		{ BASE "a=[[[[[[1]]]]]]", "f:3: lists are nested too deeply" },
	};
	struct config c;
	size_t i;

	for (i = 0; i < LENGTH(cases); i++) {
		int rc = read_config(&c, cases[i].text);
		bool warning = strstr(cases[i].message, "unknown key");

		check(!rc == warning && strstr(messages, cases[i].message), "%s", cases[i].message);
		config_free(&c);
	}
}

/* What is written is read back as the same, or a reboot would change the domain. */
static void test_round_trip(void)
{
	char *first = NULL, *second = NULL;
	size_t first_size, second_size;
	struct config c;
	FILE *to;

	read_config(&c, BASE "uuid='936da01f-9abd-4d9d-80c7-02af85c822a8'\nmemory=200\nmaxmem=300\ncap=50\nextra='say \"x\\\\\"'\n"
		    "disk=['/a,raw,xvda,ro','vdev=hdc,cdrom']\nvif=['ip=1.2.3.4,rate=1Mb/s,vifname=v0']\ncpus='0-1'\nnomigrate=1");
	to = open_memstream(&first, &first_size);
	config_write(&c, to);
	fclose(to);
	config_free(&c);
	check(!read_config(&c, first) && !*messages, "what is written can be read");
	to = open_memstream(&second, &second_size);
	config_write(&c, to);
	fclose(to);
	check(!strcmp(first, second) && c.maxmem == 300 && c.cap == 50 && c.disks == 2 && c.disk[1].cdrom && c.nomigrate,
	      "and is the same");
	config_free(&c);
	free(first);
	free(second);
}

static void test_disk_numbers(void)
{
	static const struct { const char *name; long number; } cases[] = {
		{ "xvda", 51712 }, { "xvda1", 51713 }, { "xvdb", 51728 }, { "xvdp15", 202 << 8 | 255 },
		{ "xvdq", 1 << 28 | 16 << 8 }, { "xvdaa", 1 << 28 | 26 << 8 }, { "xvda16", 1 << 28 | 16 },
		{ "d0p1", 51713 }, { "d16", 1 << 28 | 16 << 8 }, { "sda", 2048 }, { "sdb2", 2066 }, { "hda", 768 }, { "hdc", 5632 },
		{ "hdd1", 5697 }, { "sdz", -1 }, { "hde", -1 }, { "xvd", -1 }, { "xvda256", -1 }, { "vda", -1 }, { "", -1 },
	};
	size_t i;

	for (i = 0; i < LENGTH(cases); i++)
		check(disk_number(cases[i].name) == cases[i].number, "disk '%s' is %ld", cases[i].name, cases[i].number);
}

int main(void)
{
	test_accepted();
	test_mistakes();
	test_round_trip();
	test_disk_numbers();
	return done();
}
