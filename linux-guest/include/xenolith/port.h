/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The other side of the seam (hypercall.h): read before everything else in the sources of xen-port and of the drivers
 * that are built for it. In a kernel whose own Xen code sleeps its functions are there, but dead; a module cannot export
 * a name that the kernel exports. So every service gets another name here, for declaration, use and definition alike, and
 * the sources go on to call it by the kernel's.
 *
 * Kernel headers lie between this file and the sources, so that only names may stand here.
 */
#ifndef XENOLITH_PORT_H
#define XENOLITH_PORT_H

/* What the kernel was told at boot. */
#define xen_domain_type			xenport_domain_type
#define xen_pvh				xenport_pvh
#define xen_start_flags			xenport_start_flags
#define xen_features			xenport_features
#define xen_vcpu_id			xenport_vcpu_id
#define xen_has_pv_devices		xenport_has_pv_devices
#define xen_has_pv_disk_devices		xenport_has_pv_disk_devices
#define xen_has_pv_nic_devices		xenport_has_pv_nic_devices

/* Event channels. */
#define xen_evtchn_nr_channels		xenport_evtchn_nr_channels
#define bind_evtchn_to_irq		xenport_bind_evtchn_to_irq
#define bind_evtchn_to_irq_lateeoi	xenport_bind_evtchn_to_irq_lateeoi
#define bind_evtchn_to_irqhandler	xenport_bind_evtchn_to_irqhandler
#define bind_evtchn_to_irqhandler_lateeoi xenport_bind_evtchn_to_irqhandler_lateeoi
#define bind_interdomain_evtchn_to_irq_lateeoi xenport_bind_interdomain_evtchn_to_irq_lateeoi
#define bind_interdomain_evtchn_to_irqhandler_lateeoi xenport_bind_interdomain_evtchn_to_irqhandler_lateeoi
#define bind_virq_to_irq		xenport_bind_virq_to_irq
#define bind_virq_to_irqhandler		xenport_bind_virq_to_irqhandler
#define unbind_from_irqhandler		xenport_unbind_from_irqhandler
#define xen_irq_lateeoi			xenport_irq_lateeoi
#define xen_set_irq_priority		xenport_set_irq_priority
#define evtchn_make_refcounted		xenport_kernels_make_refcounted	/* event.h */
#define evtchn_get			xenport_evtchn_get
#define evtchn_put			xenport_evtchn_put
#define notify_remote_via_irq		xenport_notify_remote_via_irq
#define irq_from_evtchn			xenport_irq_from_evtchn

/* Grant tables. */
#define gnttab_init			xenport_gnttab_init
#define gnttab_grant_foreign_access	xenport_gnttab_grant_foreign_access
#define gnttab_grant_foreign_access_ref	xenport_gnttab_grant_foreign_access_ref
#define gnttab_end_foreign_access	xenport_gnttab_end_foreign_access
#define gnttab_end_foreign_access_ref	xenport_gnttab_end_foreign_access_ref
#define gnttab_try_end_foreign_access	xenport_gnttab_try_end_foreign_access
#define gnttab_alloc_grant_references	xenport_gnttab_alloc_grant_references
#define gnttab_free_grant_reference	xenport_gnttab_free_grant_reference
#define gnttab_free_grant_references	xenport_gnttab_free_grant_references
#define gnttab_empty_grant_references	xenport_gnttab_empty_grant_references
#define gnttab_claim_grant_reference	xenport_gnttab_claim_grant_reference
#define gnttab_release_grant_reference	xenport_gnttab_release_grant_reference
#define gnttab_max_grant_frames		xenport_gnttab_max_grant_frames
#define gnttab_alloc_pages		xenport_gnttab_alloc_pages
#define gnttab_free_pages		xenport_gnttab_free_pages
#define gnttab_page_cache_init		xenport_gnttab_page_cache_init
#define gnttab_page_cache_get		xenport_gnttab_page_cache_get
#define gnttab_page_cache_put		xenport_gnttab_page_cache_put
#define gnttab_page_cache_shrink	xenport_gnttab_page_cache_shrink
#define gnttab_map_refs			xenport_gnttab_map_refs
#define gnttab_unmap_refs		xenport_gnttab_unmap_refs
#define gnttab_unmap_refs_async		xenport_gnttab_unmap_refs_async
#define gnttab_unmap_refs_sync		xenport_gnttab_unmap_refs_sync
#define gnttab_batch_map		xenport_gnttab_batch_map
#define gnttab_batch_copy		xenport_gnttab_batch_copy
#define xen_alloc_unpopulated_pages	xenport_alloc_unpopulated_pages
#define xen_free_unpopulated_pages	xenport_free_unpopulated_pages

/* The store and the bus. */
#define __xenbus_register_frontend	__xenport_bus_register_frontend
#define __xenbus_register_backend	__xenport_bus_register_backend
#define xenbus_unregister_driver	xenport_bus_unregister_driver
#define xenbus_directory		xenport_bus_directory
#define xenbus_read			xenport_bus_read
#define xenbus_write			xenport_bus_write
#define xenbus_mkdir			xenport_bus_mkdir
#define xenbus_exists			xenport_bus_exists
#define xenbus_rm			xenport_bus_rm
#define xenbus_transaction_start	xenport_bus_transaction_start
#define xenbus_transaction_end		xenport_bus_transaction_end
#define xenbus_scanf			xenport_bus_scanf
#define xenbus_read_unsigned		xenport_bus_read_unsigned
#define xenbus_printf			xenport_bus_printf
#define xenbus_gather			xenport_bus_gather
#define register_xenstore_notifier	xenport_register_xenstore_notifier
#define unregister_xenstore_notifier	xenport_unregister_xenstore_notifier
#define register_xenbus_watch		xenport_register_xenbus_watch
#define unregister_xenbus_watch		xenport_unregister_xenbus_watch
#define xenbus_watch_path		xenport_bus_watch_path
#define xenbus_watch_pathfmt		xenport_bus_watch_pathfmt
#define xenbus_switch_state		xenport_bus_switch_state
#define xenbus_setup_ring		xenport_bus_setup_ring
#define xenbus_teardown_ring		xenport_bus_teardown_ring
#define xenbus_map_ring_valloc		xenport_bus_map_ring_valloc
#define xenbus_unmap_ring_vfree		xenport_bus_unmap_ring_vfree
#define xenbus_alloc_evtchn		xenport_bus_alloc_evtchn
#define xenbus_free_evtchn		xenport_bus_free_evtchn
#define xenbus_read_driver_state	xenport_bus_read_driver_state
#define xenbus_dev_error		xenport_bus_dev_error
#define xenbus_dev_fatal		xenport_bus_dev_fatal
#define xenbus_strstate			xenport_bus_strstate
#define xenbus_dev_is_online		xenport_bus_dev_is_online
#define xenbus_frontend_closed		xenport_bus_frontend_closed
#define xen_store_evtchn		xenport_store_evtchn
#define xen_store_interface		xenport_store_interface
#define xen_xenbus_fops			xenport_xenbus_fops
#define xen_privcmd_fops		xenport_privcmd_fops

/* The kernel's own code, which sleeps, has not made /proc/xen. */
#undef CONFIG_XEN_COMPAT_XENFS

/*
 * Stands for the kernel's header of hypercalls, whose calls go to code that does not know where it is. Ours are in
 * port-hypercall.h; the one that a kernel header makes is declared here. (No more is included here than must be: a source's
 * pr_fmt comes later.)
 */
#define _ASM_X86_XEN_HYPERCALL_H
extern int HYPERVISOR_event_channel_op(int cmd, void *arg);

#endif
