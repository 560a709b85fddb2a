"""Names for the positions that billing reads, so that no field number stands in mapping code.

The names are those of hl7apy's tables, in lower case; a test checks every row against them. They stand here
because importing one of hl7apy's versions costs half a second, no single version has them all (withdrawn
fields lose their names, later ones are missing), and a feed uses fields of several versions at once.
"""

from __future__ import annotations


class MSH:
    """Message header."""

    sending_application = 3
    sending_facility = 4
    date_time_of_message = 7
    message_type = 9
    message_control_id = 10
    processing_id = 11
    character_set = 18


class BTS:
    """Batch trailer."""

    batch_message_count = 1


class EVN:
    """Event type."""

    event_type_code = 1
    recorded_date_time = 2
    event_occurred = 6


class PID:
    """Patient identification."""

    patient_id = 2
    patient_identifier_list = 3
    alternate_patient_id_pid = 4
    patient_name = 5
    date_time_of_birth = 7
    administrative_sex = 8
    patient_address = 11
    phone_number_home = 13
    phone_number_business = 14
    patient_account_number = 18
    patient_death_date_and_time = 29
    patient_death_indicator = 30
    patient_telecommunication_information = 40


class GT1:
    """Guarantor."""

    guarantor_name = 3
    guarantor_address = 5
    guarantor_ph_num_home = 6
    guarantor_relationship = 11
    guarantor_date_end = 14
    guarantor_priority = 15
    guarantor_organization_name = 21


class PV1:
    """Patient visit."""

    patient_class = 2
    assigned_patient_location = 3
    attending_doctor = 7
    referring_doctor = 8
    visit_number = 19
    admit_date_time = 44
    discharge_date_time = 45
    alternate_visit_id = 50


class PV2:
    """Patient visit, additional."""

    expected_admit_date_time = 8


class ACC:
    """Accident."""

    accident_date_time = 1
    accident_code = 2
    auto_accident_state = 4
    accident_job_related_indicator = 5


class DG1:
    """Diagnosis."""

    set_id_dg1 = 1
    diagnosis_coding_method = 2
    diagnosis_code_dg1 = 3
    diagnosis_type = 6
    diagnosis_priority = 15
    diagnosis_identifier = 20
    diagnosis_action_code = 21


class IN1:
    """Insurance."""

    set_id_in1 = 1
    health_plan_id = 2
    insurance_company_id = 3
    insurance_company_name = 4
    group_number = 8
    group_name = 9
    plan_effective_date = 12
    plan_expiration_date = 13
    authorization_information = 14
    name_of_insured = 16
    insured_s_relationship_to_patient = 17
    insured_s_date_of_birth = 18
    insured_s_address = 19
    coord_of_ben_priority = 22
    insured_s_administrative_sex = 43


class IN2:
    """Insurance, additional."""

    hcfa_patient_s_relationship_to_insured = 72


class IN3:
    """Insurance, certification."""

    certification_number = 2


class FT1:
    """Financial transaction."""

    set_id_ft1 = 1
    transaction_id = 2
    transaction_date = 4
    transaction_type = 6
    transaction_quantity = 10
    transaction_amount_extended = 11
    transaction_amount_unit = 12
    assigned_patient_location = 16
    diagnosis_code_ft1 = 19
    performed_by_code = 20
    procedure_code_modifier = 26
    ndc_code = 29
    ndc_qty_and_uom = 43


class MRG:
    """Merge: the identifiers that cease."""

    prior_patient_identifier_list = 1
    prior_patient_account_number = 3
    prior_patient_id = 4
    prior_visit_number = 5
    prior_alternate_visit_id = 6


class SCH:
    """Scheduling activity."""

    placer_appointment_id = 1
    filler_appointment_id = 2
    occurrence_number = 3
    appointment_reason = 7
    appointment_type = 8
    appointment_duration = 9
    appointment_duration_units = 10
    appointment_timing_quantity = 11
    filler_status_code = 25


class TQ1:
    """Timing."""

    start_date_time = 7
    end_date_time = 8


class AIS:
    """Appointment: service."""

    universal_service_id = 3
    start_date_time = 4


class AIG:
    """Appointment: general resource."""

    resource_id = 3
    start_date_time = 8


class AIL:
    """Appointment: location."""

    location_resource_id = 3
    start_date_time = 6


class AIP:
    """Appointment: personnel."""

    personnel_resource_id = 3
    start_date_time = 6


class MSG:
    """Message type."""

    message_code = 1
    trigger_event = 2
    message_structure = 3


class CX:
    """Identifier with its authority."""

    id_number = 1
    assigning_authority = 4
    identifier_type_code = 5


class XPN:
    """Person name."""

    family_name = 1
    given_name = 2
    second_and_further_given_names_or_initials_thereof = 3
    suffix_e_g_jr_or_iii = 4
    name_type_code = 7


class XCN:
    """Person with an identifier."""

    person_identifier = 1
    family_name = 2
    given_name = 3
    assigning_authority = 9
    identifier_type_code = 13


class XON:
    """Organisation name."""

    organization_name = 1


class XAD:
    """Address."""

    street_address = 1
    other_designation = 2
    city = 3
    state_or_province = 4
    zip_or_postal_code = 5
    country = 6
    address_type = 7


class XTN:
    """Telephone."""

    telephone_number = 1
    area_city_code = 6
    local_number = 7
    unformatted_telephone_number = 12


class CWE:
    """Coded value."""

    identifier = 1
    text = 2
    name_of_coding_system = 3
    alternate_identifier = 4
    name_of_alternate_coding_system = 6


class CP:
    """Price: the amount and its currency are subcomponents of the first component."""

    price = 1


class CQ:
    """Quantity with units."""

    quantity = 1
    units = 2


class EI:
    """Entity identifier."""

    entity_identifier = 1
    namespace_id = 2


class TQ:
    """Timing and quantity."""

    start_date_time = 4
    end_date_time = 5


class DR:
    """Range of instants."""

    range_start_date_time = 1
    range_end_date_time = 2


class PL:
    """Location."""

    point_of_care = 1
    facility = 4


class AUI:
    """Authorization."""

    authorization_number = 1
