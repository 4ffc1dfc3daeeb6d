DROP TABLE holidays, time_off, opening_hours, service_rooms, practitioner_services, services, rooms, practitioners;
