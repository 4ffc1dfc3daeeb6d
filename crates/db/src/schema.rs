//! Every table, once, for all crates: diesel can join two tables only where both are declared together.
//!
//! Follows `migrations/`; a test compares it with the catalogue.
#![expect(missing_docs, reason = "columns are described where they are made, in migrations/")]

diesel::table! {
    api_keys (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        name -> Text,
        secret_hash -> Binary,
        secret_hint -> Text,
        permissions -> Array<Text>,
        created_by -> Uuid,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    appointment_moves (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        appointment_version -> BigInt,
        action -> Text,
        from_status -> Nullable<Text>,
        to_status -> Text,
        from_starts_at -> Nullable<Timestamptz>,
        to_starts_at -> Timestamptz,
        reason -> Nullable<Text>,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    appointment_reminders (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        appointment_id -> Uuid,
        starts_at -> Timestamptz,
        lead_minutes -> Integer,
        channel -> Text,
        due_at -> Timestamptz,
        status -> Text,
        reason -> Nullable<Text>,
        answer -> Nullable<Text>,
        sent_at -> Nullable<Timestamptz>,
        answered_at -> Nullable<Timestamptz>,
        message_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    appointment_series (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        contact_id -> Uuid,
        practitioner_id -> Uuid,
        room_id -> Nullable<Uuid>,
        service_id -> Nullable<Uuid>,
        rule -> Text,
        zone -> Text,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        notes -> Nullable<Text>,
        status -> Text,
        previous_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    appointments (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        contact_id -> Uuid,
        practitioner_id -> Uuid,
        room_id -> Nullable<Uuid>,
        service_id -> Nullable<Uuid>,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        status -> Text,
        overbooked -> Bool,
        notes -> Nullable<Text>,
        cancelled_by -> Nullable<Text>,
        cancellation_reason -> Nullable<Text>,
        follow_up_of_id -> Nullable<Uuid>,
        price_cents -> Nullable<BigInt>,
        price_currency -> Nullable<Text>,
        source -> Text,
        sequence -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
        series_id -> Nullable<Uuid>,
        occurrence_at -> Nullable<Timestamptz>,
        series_exception -> Bool,
    }
}

diesel::table! {
    audit_log (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        occurred_at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Nullable<Uuid>,
        component -> Nullable<Text>,
        action -> Text,
        resource -> Text,
        resource_id -> Nullable<Uuid>,
        detail -> Nullable<Jsonb>,
        reason -> Nullable<Text>,
        request_id -> Nullable<Uuid>,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    calendar_feeds (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        name -> Text,
        practitioner_id -> Nullable<Uuid>,
        room_id -> Nullable<Uuid>,
        show_contact_names -> Bool,
        secret_hash -> Binary,
        created_by -> Nullable<Uuid>,
        last_read_at -> Nullable<Timestamptz>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    canned_responses (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        shortcut -> Text,
        body -> Text,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    channel_identities (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        inbox_id -> Uuid,
        kind -> Text,
        value -> Text,
        address -> Nullable<Text>,
        contact_id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    clinic_keys (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        master_key_id -> Text,
        wrapped -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    clinics (id) {
        id -> Uuid,
        slug -> Text,
        legal_name -> Text,
        trade_name -> Text,
        cnpj -> Nullable<Text>,
        zone -> Text,
        locale -> Text,
        currency -> Text,
        status -> Text,
        email -> Nullable<Text>,
        phone -> Nullable<Text>,
        address -> Jsonb,
        slot_step_minutes -> Integer,
        hold_minutes -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    contact_consents (clinic_id, id) {
        clinic_id -> Uuid,
        contact_id -> Uuid,
        id -> Uuid,
        purpose -> Text,
        granted -> Nullable<Bool>,
        origin -> Text,
        recorded_at -> Timestamptz,
        recorded_by -> Nullable<Uuid>,
    }
}

diesel::table! {
    contact_merges (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        from_id -> Uuid,
        into_id -> Uuid,
        moved -> Jsonb,
        merged_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        position -> BigInt,
        undone_at -> Nullable<Timestamptz>,
        undone_by -> Nullable<Uuid>,
        kept -> Array<Text>,
        changed_in -> BigInt,
    }
}

diesel::table! {
    contact_phones (clinic_id, contact_id, position) {
        clinic_id -> Uuid,
        contact_id -> Uuid,
        position -> SmallInt,
        number -> Text,
        match_key -> Text,
        kind -> Text,
        is_primary -> Bool,
    }
}

diesel::table! {
    contacts (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        status -> Text,
        name -> Text,
        social_name -> Nullable<Text>,
        birth_date -> Nullable<Date>,
        sex -> Nullable<Text>,
        cpf -> Nullable<Text>,
        cns -> Nullable<Text>,
        email -> Nullable<Text>,
        address -> Nullable<Jsonb>,
        tags -> Array<Text>,
        custom_fields -> Jsonb,
        guardian_id -> Nullable<Uuid>,
        guardian_name -> Nullable<Text>,
        insurer -> Nullable<Text>,
        insurance_card_number -> Nullable<Text>,
        source -> Nullable<Text>,
        merged_into_id -> Nullable<Uuid>,
        search_name -> Text,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    conversations (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        inbox_id -> Uuid,
        contact_id -> Uuid,
        address -> Nullable<Text>,
        subject -> Nullable<Text>,
        status -> Text,
        snoozed_until -> Nullable<Timestamptz>,
        assignee_id -> Nullable<Uuid>,
        priority -> Text,
        labels -> Array<Text>,
        waiting_since -> Nullable<Timestamptz>,
        last_message_at -> Timestamptz,
        last_message_preview -> Nullable<Text>,
        last_message_direction -> Nullable<Text>,
        last_inbound_at -> Nullable<Timestamptz>,
        unread_count -> Integer,
        message_count -> BigInt,
        resolved_at -> Nullable<Timestamptz>,
        continued_in_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    external_busy (clinic_id, calendar_id, starts_at) {
        clinic_id -> Uuid,
        calendar_id -> Uuid,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        practitioner_id -> Uuid,
    }
}

diesel::table! {
    external_calendars (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        practitioner_id -> Uuid,
        name -> Text,
        url_sealed -> Binary,
        url_host -> Text,
        refresh_minutes -> Integer,
        turn -> BigInt,
        etag -> Nullable<Text>,
        last_modified -> Nullable<Text>,
        attempted_at -> Nullable<Timestamptz>,
        fetched_at -> Nullable<Timestamptz>,
        expanded_at -> Nullable<Timestamptz>,
        next_attempt_at -> Nullable<Timestamptz>,
        failures -> Integer,
        last_error -> Nullable<Text>,
        busy_blocks -> Integer,
        skipped_events -> Integer,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    holds (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        practitioner_id -> Uuid,
        room_id -> Nullable<Uuid>,
        service_id -> Nullable<Uuid>,
        contact_id -> Nullable<Uuid>,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        expires_at -> Timestamptz,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    holidays (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        date -> Date,
        name -> Text,
        scope -> Text,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    idempotency_keys (clinic_id, actor_id, key) {
        clinic_id -> Uuid,
        actor_id -> Uuid,
        key -> Text,
        fingerprint -> Binary,
        status -> SmallInt,
        headers -> Jsonb,
        sealed_body -> Binary,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    import_rows (clinic_id, import_id, line) {
        clinic_id -> Uuid,
        import_id -> Uuid,
        line -> BigInt,
        outcome -> Text,
        made_id -> Nullable<Uuid>,
        made_person_id -> Nullable<Uuid>,
        same_as_id -> Nullable<Uuid>,
        reason -> Nullable<Text>,
        notes -> Array<Text>,
        faults -> Jsonb,
        taken_back -> Nullable<Text>,
        person_taken_back -> Nullable<Text>,
    }
}

diesel::table! {
    imports (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        filename -> Text,
        bytes -> BigInt,
        sha256 -> Binary,
        again -> Bool,
        encoding -> Text,
        delimiter -> Text,
        headings -> Array<Text>,
        sample -> Jsonb,
        settings -> Jsonb,
        status -> Text,
        work -> Nullable<Text>,
        fault -> Nullable<Text>,
        rows_total -> BigInt,
        rows_done -> BigInt,
        created -> BigInt,
        skipped -> BigInt,
        failed -> BigInt,
        removed -> BigInt,
        stayed -> BigInt,
        created_by -> Nullable<Uuid>,
        queued_at -> Nullable<Timestamptz>,
        started_at -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        file_removed_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    inbox_polls (clinic_id, inbox_id) {
        clinic_id -> Uuid,
        inbox_id -> Uuid,
        uid_validity -> Nullable<BigInt>,
        last_uid -> Nullable<BigInt>,
        last_success_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        failing_since -> Nullable<Timestamptz>,
        failures -> Integer,
        next_poll_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    inboxes (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        channel -> Text,
        name -> Text,
        settings -> Jsonb,
        sealed_secrets -> Nullable<Binary>,
        secret_names -> Array<Text>,
        token_hash -> Binary,
        reopen_days -> SmallInt,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    invitations (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        email -> Text,
        name -> Text,
        roles -> Array<Text>,
        secret_hash -> Binary,
        invited_by -> Nullable<Uuid>,
        expires_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
        mail_state -> Nullable<Text>,
        mail_asked_at -> Nullable<Timestamptz>,
        mail_job -> Nullable<Uuid>,
    }
}

diesel::table! {
    job_schedules (kind) {
        kind -> Text,
        next_due -> Timestamptz,
        last_run_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    memberships (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        roles -> Array<Text>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    message_attachments (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        message_id -> Nullable<Uuid>,
        file_name -> Text,
        content_type -> Nullable<Text>,
        size_bytes -> Nullable<BigInt>,
        sha256 -> Nullable<Binary>,
        created_at -> Timestamptz,
        status -> Text,
        unavailable_reason -> Nullable<Text>,
    }
}

diesel::table! {
    message_provider_ids (clinic_id, inbox_id, provider_id) {
        clinic_id -> Uuid,
        inbox_id -> Uuid,
        provider_id -> Text,
        conversation_id -> Nullable<Uuid>,
        message_id -> Nullable<Uuid>,
        early_delivery -> Nullable<Text>,
        early_at -> Nullable<Timestamptz>,
        early_reason -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    message_templates (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        inbox_id -> Uuid,
        name -> Text,
        language -> Text,
        category -> Text,
        body -> Text,
        parameter_count -> SmallInt,
        status -> Text,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    messages (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        conversation_id -> Uuid,
        number -> BigInt,
        direction -> Text,
        kind -> Text,
        body -> Text,
        author_kind -> Text,
        author_id -> Nullable<Uuid>,
        delivery -> Nullable<Text>,
        failure_reason -> Nullable<Text>,
        template -> Nullable<Jsonb>,
        reply_to_id -> Nullable<Uuid>,
        sent_at -> Timestamptz,
        delivered_at -> Nullable<Timestamptz>,
        read_at -> Nullable<Timestamptz>,
        attempts -> Integer,
        attempted_at -> Nullable<Timestamptz>,
        next_attempt_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
        queued_at -> Nullable<Timestamptz>,
        handed_over_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    occupancies (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        appointment_id -> Nullable<Uuid>,
        hold_id -> Nullable<Uuid>,
        practitioner_id -> Uuid,
        room_id -> Nullable<Uuid>,
        busy_from -> Timestamptz,
        busy_until -> Timestamptz,
        exclusive -> Bool,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    opening_hours (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        practitioner_id -> Nullable<Uuid>,
        weekday -> SmallInt,
        opens_at -> Time,
        closes_at -> Time,
        valid_from -> Nullable<Date>,
        valid_until -> Nullable<Date>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    outbox (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        kind -> Text,
        payload -> Jsonb,
        created_at -> Timestamptz,
        changed_in -> BigInt,
        available_at -> Timestamptz,
        attempts -> Integer,
        locked_until -> Nullable<Timestamptz>,
        handled_at -> Nullable<Timestamptz>,
        failed_at -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        class -> Text,
        lane -> SmallInt,
        seen_from -> BigInt,
        key -> Nullable<Text>,
        written_at -> Timestamptz,
    }
}

diesel::table! {
    outreach_settings (clinic_id) {
        clinic_id -> Uuid,
        offer_minutes -> Integer,
        offer_lead_minutes -> Integer,
        awake_from -> Time,
        awake_until -> Time,
        reply_hours -> Integer,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    password_resets (user_id, secret_hash) {
        user_id -> Uuid,
        secret_hash -> Binary,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
        mailed_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    practitioner_services (clinic_id, service_id, practitioner_id) {
        clinic_id -> Uuid,
        practitioner_id -> Uuid,
        service_id -> Uuid,
    }
}

diesel::table! {
    practitioners (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        membership_id -> Nullable<Uuid>,
        name -> Text,
        council -> Text,
        council_number -> Text,
        council_state -> Text,
        specialty -> Nullable<Text>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    realtime_tickets (clinic_id, secret_hash) {
        clinic_id -> Uuid,
        secret_hash -> Binary,
        session_id -> Nullable<Uuid>,
        api_key_id -> Nullable<Uuid>,
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    refresh_tokens (clinic_id, secret_hash) {
        clinic_id -> Uuid,
        secret_hash -> Binary,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    reminder_rules (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        service_id -> Nullable<Uuid>,
        lead_minutes -> Integer,
        channel -> Text,
        enabled -> Bool,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    rooms (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        name -> Text,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    service_rooms (clinic_id, service_id, room_id) {
        clinic_id -> Uuid,
        service_id -> Uuid,
        room_id -> Uuid,
    }
}

diesel::table! {
    services (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        name -> Text,
        duration_minutes -> Integer,
        buffer_before_minutes -> Integer,
        buffer_after_minutes -> Integer,
        slot_step_minutes -> Nullable<Integer>,
        price_cents -> BigInt,
        currency -> Text,
        online_bookable -> Bool,
        needs_room -> Bool,
        follow_up_days -> Nullable<Integer>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    sessions (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        user_id -> Uuid,
        membership_id -> Uuid,
        user_agent -> Nullable<Text>,
        address -> Nullable<Text>,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
        ended_reason -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    time_off (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        practitioner_id -> Nullable<Uuid>,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        reason -> Nullable<Text>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    user_recovery_codes (user_id, code_hash) {
        user_id -> Uuid,
        code_hash -> Binary,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Nullable<Text>,
        totp_sealed -> Nullable<Binary>,
        totp_confirmed_at -> Nullable<Timestamptz>,
        totp_last_step -> Nullable<BigInt>,
        failed_sign_ins -> Integer,
        locked_until -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    waitlist_entries (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        contact_id -> Uuid,
        service_id -> Uuid,
        practitioner_id -> Nullable<Uuid>,
        windows -> Jsonb,
        last_date -> Nullable<Date>,
        priority -> SmallInt,
        notes -> Nullable<Text>,
        status -> Text,
        appointment_id -> Nullable<Uuid>,
        waiting_since -> Timestamptz,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
        number -> BigInt,
    }
}

diesel::table! {
    waitlist_offers (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        entry_id -> Uuid,
        hold_id -> Uuid,
        service_id -> Uuid,
        practitioner_id -> Uuid,
        room_id -> Nullable<Uuid>,
        starts_at -> Timestamptz,
        ends_at -> Timestamptz,
        expires_at -> Timestamptz,
        status -> Text,
        appointment_id -> Nullable<Uuid>,
        offered_at -> Timestamptz,
        closed_at -> Nullable<Timestamptz>,
        sent_at -> Nullable<Timestamptz>,
        message_id -> Nullable<Uuid>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
        undelivered_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    waitlist_sweeps (clinic_id) {
        clinic_id -> Uuid,
        next_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    webhook_attempts (clinic_id, delivery_id, attempt) {
        clinic_id -> Uuid,
        delivery_id -> Uuid,
        attempt -> Integer,
        started_at -> Timestamptz,
        duration_milliseconds -> Integer,
        http_status -> Nullable<SmallInt>,
        error -> Nullable<Text>,
        response -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_deliveries (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        endpoint_id -> Uuid,
        event_id -> Uuid,
        event_kind -> Text,
        occurred_at -> Timestamptz,
        payload -> Jsonb,
        status -> Text,
        attempts -> Integer,
        attempts_before -> Integer,
        next_attempt_at -> Nullable<Timestamptz>,
        taken_until -> Nullable<Timestamptz>,
        finished_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    webhook_endpoints (clinic_id, id) {
        clinic_id -> Uuid,
        id -> Uuid,
        url -> Text,
        description -> Nullable<Text>,
        events -> Array<Text>,
        permissions -> Array<Text>,
        status -> Text,
        disabled_reason -> Nullable<Text>,
        disabled_at -> Nullable<Timestamptz>,
        failing_since -> Nullable<Timestamptz>,
        secret -> Nullable<Binary>,
        previous_secret -> Nullable<Binary>,
        previous_secret_until -> Nullable<Timestamptz>,
        archived_at -> Nullable<Timestamptz>,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    api_keys,
    appointment_moves,
    appointment_reminders,
    appointment_series,
    appointments,
    audit_log,
    calendar_feeds,
    canned_responses,
    channel_identities,
    clinic_keys,
    clinics,
    contact_consents,
    contact_merges,
    contact_phones,
    contacts,
    conversations,
    external_busy,
    external_calendars,
    holds,
    holidays,
    idempotency_keys,
    import_rows,
    imports,
    inbox_polls,
    inboxes,
    invitations,
    job_schedules,
    memberships,
    message_attachments,
    message_provider_ids,
    message_templates,
    messages,
    occupancies,
    opening_hours,
    outbox,
    outreach_settings,
    password_resets,
    practitioner_services,
    practitioners,
    refresh_tokens,
    reminder_rules,
    rooms,
    service_rooms,
    services,
    sessions,
    time_off,
    user_recovery_codes,
    users,
    waitlist_entries,
    waitlist_offers,
    waitlist_sweeps,
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
);

/// The table `$target`, joined to the rows whose column names one of its: `named_by!(contacts, conversations::contact_id)`, and with
/// `, nullable` where the column may be null. It names both halves of the key, so that no join leaves the clinic; diesel's
/// `joinable!` knows single columns only.
#[macro_export]
macro_rules! named_by {
    ($target:ident, $from:ident::$column:ident) => {
        $target::table.on($target::clinic_id
            .eq($from::clinic_id)
            .and($target::id.eq($from::$column)))
    };
    ($target:ident, $from:ident::$column:ident, nullable) => {
        $target::table.on($target::clinic_id
            .eq($from::clinic_id)
            .and($target::id.nullable().eq($from::$column)))
    };
}

/// PostgreSQL functions that queries use.
pub mod functions {
    use diesel::sql_types::{BigInt, Bool, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid};

    diesel::define_sql_function! {
        /// Lower case without accents, as search columns are stored.
        fn search_form(value: Text) -> Text;
    }
    diesel::define_sql_function! {
        /// The oldest transaction that may still commit; rows changed below it are settled.
        fn oldest_open_transaction() -> BigInt;
    }
    diesel::define_sql_function! {
        /// The earlier of two instants.
        #[sql_name = "LEAST"]
        fn earlier(one: Timestamptz, other: Timestamptz) -> Timestamptz;
    }
    diesel::define_sql_function! {
        /// The smaller of two numbers.
        #[sql_name = "LEAST"]
        fn smaller(one: SmallInt, other: SmallInt) -> SmallInt;
    }
    diesel::define_sql_function! {
        /// Takes a lock that is held until the transaction ends, waiting for it.
        fn pg_advisory_xact_lock(key: BigInt);
    }
    diesel::define_sql_function! {
        /// Takes a lock that is held until the transaction ends, or says that another has it.
        fn pg_try_advisory_xact_lock(key: BigInt) -> Bool;
    }
    diesel::define_sql_function! {
        /// Sets a run-time parameter, for the transaction when `is_local`, else for the session.
        fn set_config(name: Text, value: Text, is_local: Bool) -> Text;
    }
    diesel::define_sql_function! {
        /// The ids, one per row, of people found by words of their name or the beginning of their e-mail address, in the order of names.
        fn contacts_by_part_of_name(
            query: Text,
            archived: Nullable<Bool>,
            after_name: Nullable<Text>,
            after_id: Nullable<Uuid>,
            most: Nullable<Integer>
        ) -> Uuid;
    }
    diesel::define_sql_function! {
        /// The ids, one per row, of people found by digits of a phone number, CPF or CNS, in the order of names.
        fn contacts_by_digits(
            digits: Text,
            dialled: Text,
            number: Nullable<Text>,
            archived: Nullable<Bool>,
            after_name: Nullable<Text>,
            after_id: Nullable<Uuid>,
            most: Nullable<Integer>
        ) -> Uuid;
    }
    diesel::define_sql_function! {
        /// The ids, one per row, of messages that have every word of a text in them, the newest first.
        fn messages_by_text(
            query: Text,
            of_conversation: Nullable<Uuid>,
            before_at: Nullable<Timestamptz>,
            before_id: Nullable<Uuid>,
            most: Nullable<Integer>
        ) -> Uuid;
    }
    diesel::define_sql_function! {
        /// How alike two texts are, 0 to 1, by shared trigrams.
        fn similarity(left: Nullable<Text>, right: Nullable<Text>) -> Float;
    }
}
