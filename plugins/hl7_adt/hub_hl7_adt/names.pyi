# The positions in message/names.txt, for mypy; made by tools/hl7_names.py.

from typing import Final

class ABS:
    discharge_care_provider: Final = 1
    transfer_medical_service_code: Final = 2
    severity_of_illness_code: Final = 3
    date_time_of_attestation: Final = 4
    attested_by: Final = 5
    triage_code: Final = 6
    abstract_completion_date_time: Final = 7
    abstracted_by: Final = 8
    case_category_code: Final = 9
    caesarian_section_indicator: Final = 10
    gestation_category_code: Final = 11
    gestation_period_weeks: Final = 12
    newborn_code: Final = 13
    stillborn_indicator: Final = 14

class ACC:
    accident_date_time: Final = 1
    accident_code: Final = 2
    accident_location: Final = 3
    auto_accident_state: Final = 4
    accident_job_related_indicator: Final = 5
    accident_death_indicator: Final = 6
    entered_by: Final = 7
    accident_description: Final = 8
    brought_in_by: Final = 9
    police_notified_indicator: Final = 10
    accident_address: Final = 11
    degree_of_patient_liability: Final = 12
    accident_identifier: Final = 13

class AD:
    street_address: Final = 1
    street_address_st: Final = 1
    other_designation: Final = 2
    city: Final = 3
    state_or_province: Final = 4
    zip_or_postal_code: Final = 5
    country: Final = 6
    address_type: Final = 7
    type: Final = 7
    other_geographic_designation: Final = 8

class AIG:
    set_id_aig: Final = 1
    segment_action_code: Final = 2
    resource_id: Final = 3
    resource_type: Final = 4
    resource_group: Final = 5
    resource_quantity: Final = 6
    resource_quantity_units: Final = 7
    start_date_time: Final = 8
    start_date_time_offset: Final = 9
    start_date_time_offset_units: Final = 10
    duration: Final = 11
    duration_units: Final = 12
    allow_substitution_code: Final = 13
    filler_status_code: Final = 14

class AIL:
    set_id_ail: Final = 1
    segment_action_code: Final = 2
    location_resource_id: Final = 3
    location_type_ail: Final = 4
    location_type: Final = 4
    location_group: Final = 5
    start_date_time: Final = 6
    start_date_time_offset: Final = 7
    start_date_time_offset_units: Final = 8
    duration: Final = 9
    duration_units: Final = 10
    allow_substitution_code: Final = 11
    filler_status_code: Final = 12

class AIP:
    set_id_aip: Final = 1
    segment_action_code: Final = 2
    personnel_resource_id: Final = 3
    resource_type: Final = 4
    resource_role: Final = 4
    resource_group: Final = 5
    start_date_time: Final = 6
    start_date_time_offset: Final = 7
    start_date_time_offset_units: Final = 8
    duration: Final = 9
    duration_units: Final = 10
    allow_substitution_code: Final = 11
    filler_status_code: Final = 12

class AIS:
    set_id_ais: Final = 1
    segment_action_code: Final = 2
    universal_service_identifier: Final = 3
    universal_service_id: Final = 3
    start_date_time: Final = 4
    start_date_time_offset: Final = 5
    start_date_time_offset_units: Final = 6
    duration: Final = 7
    duration_units: Final = 8
    allow_substitution_code: Final = 9
    filler_status_code: Final = 10
    placer_supplemental_service_information: Final = 11
    filler_supplemental_service_information: Final = 12

class AUI:
    authorization_number: Final = 1
    date: Final = 2
    source: Final = 3

class BHS:
    batch_field_separator: Final = 1
    batch_encoding_characters: Final = 2
    batch_sending_application: Final = 3
    batch_sending_facility: Final = 4
    batch_receiving_application: Final = 5
    batch_receiving_facility: Final = 6
    batch_creation_date_time: Final = 7
    batch_security: Final = 8
    batch_name_id_type: Final = 9
    batch_comment: Final = 10
    batch_control_id: Final = 11
    reference_batch_control_id: Final = 12
    batch_sending_network_address: Final = 13
    batch_receiving_network_address: Final = 14

class BLC:
    blood_product_code: Final = 1
    blood_amount: Final = 2

class BTS:
    batch_message_count: Final = 1
    batch_comment: Final = 2
    batch_totals: Final = 3

class CE:
    identifier: Final = 1
    identifier_st: Final = 1
    text: Final = 2
    name_of_coding_system: Final = 3
    alternate_identifier: Final = 4
    alternate_identifier_st: Final = 4
    alternate_text: Final = 5
    name_of_alternate_coding_system: Final = 6

class CK:
    id_number_nm: Final = 1
    id_number: Final = 1
    check_digit_nm: Final = 2
    check_digit: Final = 2
    code_identifying_the_check_digit_scheme_employed: Final = 3
    check_digit_scheme: Final = 3
    code_identifying_check_digit_scheme_employed: Final = 3
    assigning_authority: Final = 4
    assigning_facility_id: Final = 4

class CN:
    id_number_st: Final = 1
    id_number: Final = 1
    id: Final = 1
    family_name: Final = 2
    familiy_name: Final = 2
    family: Final = 2
    familiy: Final = 2
    given_name: Final = 3
    given: Final = 3
    second_and_further_given_names_or_initials_thereof: Final = 4
    middle_initial_or_name: Final = 4
    middle_initial_or: Final = 4
    suffix_e_g_jr_or_iii: Final = 5
    degree: Final = 5
    prefix_e_g_dr: Final = 6
    degree_e_g_md: Final = 7
    source_table: Final = 8
    source_table_id: Final = 8
    assigning_authority: Final = 9

class CNE:
    identifier: Final = 1
    identifier_st: Final = 1
    text: Final = 2
    name_of_coding_system: Final = 3
    alternate_identifier: Final = 4
    alternate_identifier_st: Final = 4
    alternate_text: Final = 5
    name_of_alternate_coding_system: Final = 6
    coding_system_version_id: Final = 7
    alternate_coding_system_version_id: Final = 8
    original_text: Final = 9
    second_alternate_identifier: Final = 10
    second_alternate_text: Final = 11
    name_of_second_alternate_coding_system: Final = 12
    second_alternate_coding_system_version_id: Final = 13
    coding_system_oid: Final = 14
    value_set_oid: Final = 15
    value_set_version_id: Final = 16
    alternate_coding_system_oid: Final = 17
    alternate_value_set_oid: Final = 18
    alternate_value_set_version_id: Final = 19
    second_alternate_coding_system_oid: Final = 20
    second_alternate_value_set_oid: Final = 21
    second_alternate_value_set_version_id: Final = 22

class CNN:
    id_number: Final = 1
    id_number_st: Final = 1
    family_name: Final = 2
    family: Final = 2
    given_name: Final = 3
    given: Final = 3
    second_and_further_given_names_or_initials_thereof: Final = 4
    middle_initial_or_name: Final = 4
    middle_initial_or: Final = 4
    suffix_e_g_jr_or_iii: Final = 5
    prefix_e_g_dr: Final = 6
    degree_e_g_md: Final = 7
    source_table: Final = 8
    assigning_authority_namespace_id: Final = 9
    assigning_authority_universal_id: Final = 10
    assigning_authority_universal_id_type: Final = 11

class CP:
    price: Final = 1
    price_type: Final = 2
    from_value: Final = 3
    to_value: Final = 4
    range_units: Final = 5
    range_type: Final = 6

class CQ:
    quantity: Final = 1
    units: Final = 2

class CWE:
    identifier: Final = 1
    identifier_st: Final = 1
    text: Final = 2
    name_of_coding_system: Final = 3
    alternate_identifier: Final = 4
    alternate_identifier_st: Final = 4
    alternate_text: Final = 5
    name_of_alternate_coding_system: Final = 6
    coding_system_version_id: Final = 7
    alternate_coding_system_version_id: Final = 8
    original_text: Final = 9
    second_alternate_identifier: Final = 10
    second_alternate_text: Final = 11
    name_of_second_alternate_coding_system: Final = 12
    second_alternate_coding_system_version_id: Final = 13
    coding_system_oid: Final = 14
    value_set_oid: Final = 15
    value_set_version_id: Final = 16
    alternate_coding_system_oid: Final = 17
    alternate_value_set_oid: Final = 18
    alternate_value_set_version_id: Final = 19
    second_alternate_coding_system_oid: Final = 20
    second_alternate_value_set_oid: Final = 21
    second_alternate_value_set_version_id: Final = 22

class CX:
    id_number: Final = 1
    id: Final = 1
    identifier_check_digit: Final = 2
    check_digit: Final = 2
    check_digit_st: Final = 2
    check_digit_scheme: Final = 3
    code_identifying_the_check_digit_scheme_employed: Final = 3
    assigning_authority: Final = 4
    identifier_type_code: Final = 5
    identifier_type_code_id: Final = 5
    assigning_facility: Final = 6
    effective_date: Final = 7
    effective_date_dt: Final = 7
    expiration_date: Final = 8
    assigning_jurisdiction: Final = 9
    assigning_agency_or_department: Final = 10
    security_check: Final = 11
    security_check_scheme: Final = 12

class DDI:
    delay_days: Final = 1
    monetary_amount: Final = 2
    amount: Final = 2
    number_of_days: Final = 3

class DG1:
    set_id_dg1: Final = 1
    set_id_diagnosis: Final = 1
    diagnosis_coding_method: Final = 2
    diagnosis_code_dg1: Final = 3
    diagnosis_code: Final = 3
    diagnosis_description: Final = 4
    diagnosis_date_time: Final = 5
    diagnosis_type: Final = 6
    diagnosis_drg_type: Final = 6
    major_diagnostic_category: Final = 7
    diagnostic_related_group: Final = 8
    drg_approval_indicator: Final = 9
    drg_grouper_review_code: Final = 10
    outlier_type: Final = 11
    outlier_days: Final = 12
    outlier_cost: Final = 13
    grouper_version_and_type: Final = 14
    diagnosis_priority: Final = 15
    diagnosis_drg_priority: Final = 15
    diagnosing_clinician: Final = 16
    diagnosis_classification: Final = 17
    confidential_indicator: Final = 18
    attestation_date_time: Final = 19
    diagnosis_identifier: Final = 20
    diagnosis_action_code: Final = 21
    parent_diagnosis: Final = 22
    drg_ccl_value_code: Final = 23
    drg_grouping_usage: Final = 24
    drg_diagnosis_determination_status: Final = 25
    present_on_admission_poa_indicator: Final = 26

class DLD:
    discharge_to_location: Final = 1
    discharge_location: Final = 1
    effective_date: Final = 2

class DLN:
    license_number: Final = 1
    driver_s_license_number: Final = 1
    issuing_state_province_country: Final = 2
    expiration_date: Final = 3

class DR:
    range_start_date_time: Final = 1
    range_end_date_time: Final = 2

class DRG:
    diagnostic_related_group: Final = 1
    drg_assigned_date_time: Final = 2
    drg_approval_indicator: Final = 3
    drg_grouper_review_code: Final = 4
    outlier_type: Final = 5
    outlier_days: Final = 6
    outlier_cost: Final = 7
    drg_payor: Final = 8
    outlier_reimbursement: Final = 9
    confidential_indicator: Final = 10
    drg_transfer_type: Final = 11
    name_of_coder: Final = 12
    grouper_status: Final = 13
    pccl_value_code: Final = 14
    effective_weight: Final = 15
    monetary_amount: Final = 16
    status_patient: Final = 17
    grouper_software_name: Final = 18
    grouper_software_version: Final = 19
    status_financial_calculation: Final = 20
    relative_discount_surcharge: Final = 21
    basic_charge: Final = 22
    total_charge: Final = 23
    discount_surcharge: Final = 24
    calculated_days: Final = 25
    status_gender: Final = 26
    status_age: Final = 27
    status_length_of_stay: Final = 28
    status_same_day_flag: Final = 29
    status_separation_mode: Final = 30
    status_weight_at_birth: Final = 31
    status_respiration_minutes: Final = 32
    status_admission: Final = 33

class DTN:
    day_type: Final = 1
    number_of_days: Final = 2

class EI:
    entity_identifier: Final = 1
    namespace_id: Final = 2
    universal_id: Final = 3
    universal_id_type: Final = 4

class EIP:
    placer_assigned_identifier: Final = 1
    parent_s_placer_order_number: Final = 1
    filler_assigned_identifier: Final = 2
    parent_s_filler_order_number: Final = 2

class ELD:
    segment_id: Final = 1
    segment_sequence: Final = 2
    sequence: Final = 2
    field_position: Final = 3
    code_identifying_error: Final = 4

class ERL:
    segment_id: Final = 1
    segment_sequence: Final = 2
    field_position: Final = 3
    field_repetition: Final = 4
    component_number: Final = 5
    sub_component_number: Final = 6

class ERR:
    error_code_and_location: Final = 1
    error_location: Final = 2
    hl7_error_code: Final = 3
    severity: Final = 4
    application_error_code: Final = 5
    application_error_parameter: Final = 6
    diagnostic_information: Final = 7
    user_message: Final = 8
    inform_person_indicator: Final = 9
    override_type: Final = 10
    override_reason_code: Final = 11
    help_desk_contact_point: Final = 12

class EVN:
    event_type_code: Final = 1
    recorded_date_time: Final = 2
    date_time_of_event: Final = 2
    date_time_planned_event: Final = 3
    event_reason_code: Final = 4
    operator_id: Final = 5
    event_occurred: Final = 6
    event_occured: Final = 6
    event_facility: Final = 7

class FC:
    financial_class_code: Final = 1
    financial_class: Final = 1
    effective_date: Final = 2
    effective_date_ts: Final = 2

class FHS:
    file_field_separator: Final = 1
    file_encoding_characters: Final = 2
    file_sending_application: Final = 3
    file_sending_facility: Final = 4
    file_receiving_application: Final = 5
    file_receiving_facility: Final = 6
    file_creation_date_time: Final = 7
    file_security: Final = 8
    file_name_id: Final = 9
    file_header_comment: Final = 10
    file_control_id: Final = 11
    reference_file_control_id: Final = 12
    file_sending_network_address: Final = 13
    file_receiving_network_address: Final = 14

class FN:
    surname: Final = 1
    family_name: Final = 1
    family: Final = 1
    own_surname_prefix: Final = 2
    last_name_prefix: Final = 2
    own_surname: Final = 3
    surname_prefix_from_partner_spouse: Final = 4
    surname_from_partner_spouse: Final = 5

class FT1:
    set_id_ft1: Final = 1
    set_id_financial_transaction: Final = 1
    transaction_id: Final = 2
    transaction_batch_id: Final = 3
    transaction_date: Final = 4
    transaction_posting_date: Final = 5
    transaction_type: Final = 6
    transaction_code: Final = 7
    transaction_description: Final = 8
    transaction_description_alt: Final = 9
    transaction_description_alternate: Final = 9
    transaction_quantity: Final = 10
    transaction_amount_extended: Final = 11
    transaction_amount_unit: Final = 12
    department_code: Final = 13
    health_plan_id: Final = 14
    insurance_plan_id: Final = 14
    insurance_amount: Final = 15
    assigned_patient_location: Final = 16
    patient_location: Final = 16
    fee_schedule: Final = 17
    patient_type: Final = 18
    diagnosis_code_ft1: Final = 19
    diagnosis_code: Final = 19
    performed_by_code: Final = 20
    ordered_by_code: Final = 21
    unit_cost: Final = 22
    filler_order_number: Final = 23
    entered_by_code: Final = 24
    procedure_code: Final = 25
    procedure_code_modifier: Final = 26
    advanced_beneficiary_notice_code: Final = 27
    medically_necessary_duplicate_procedure_reason: Final = 28
    ndc_code: Final = 29
    payment_reference_id: Final = 30
    transaction_reference_key: Final = 31
    performing_facility: Final = 32
    ordering_facility: Final = 33
    item_number: Final = 34
    model_number: Final = 35
    special_processing_code: Final = 36
    clinic_code: Final = 37
    referral_number: Final = 38
    authorization_number: Final = 39
    service_provider_taxonomy_code: Final = 40
    revenue_code: Final = 41
    prescription_number: Final = 42
    ndc_qty_and_uom: Final = 43

class FTS:
    file_batch_count: Final = 1
    file_trailer_comment: Final = 2

class GT1:
    set_id_gt1: Final = 1
    set_id_guarantor: Final = 1
    guarantor_number: Final = 2
    guarantor_name: Final = 3
    guarantor_spouse_name: Final = 4
    guarantor_address: Final = 5
    guarantor_ph_num_home: Final = 6
    guarantor_phone_number_home: Final = 6
    guarantor_ph_num_business: Final = 7
    guarantor_phone_number_business: Final = 7
    guarantor_date_time_of_birth: Final = 8
    guarantor_date_of_birth: Final = 8
    guarantor_administrative_sex: Final = 9
    guarantor_sex: Final = 9
    guarantor_type: Final = 10
    guarantor_relationship: Final = 11
    guarantor_ssn: Final = 12
    guarantor_social_security_number: Final = 12
    guarantor_date_begin: Final = 13
    guarantor_date_end: Final = 14
    guarantor_priority: Final = 15
    guarantor_employer_name: Final = 16
    guarantor_employer_address: Final = 17
    guarantor_employer_phone_number: Final = 18
    guarantor_employ_phone_number: Final = 18
    guarantor_employee_id_number: Final = 19
    guarantor_employment_status: Final = 20
    guarantor_organization_name: Final = 21
    guarantor_organization: Final = 21
    guarantor_billing_hold_flag: Final = 22
    guarantor_credit_rating_code: Final = 23
    guarantor_death_date_and_time: Final = 24
    guarantor_death_flag: Final = 25
    guarantor_charge_adjustment_code: Final = 26
    guarantor_household_annual_income: Final = 27
    guarantor_household_size: Final = 28
    guarantor_employer_id_number: Final = 29
    guarantor_marital_status_code: Final = 30
    guarantor_hire_effective_date: Final = 31
    employment_stop_date: Final = 32
    living_dependency: Final = 33
    ambulatory_status: Final = 34
    citizenship: Final = 35
    primary_language: Final = 36
    living_arrangement: Final = 37
    publicity_code: Final = 38
    publicity_indicator: Final = 38
    protection_indicator: Final = 39
    student_indicator: Final = 40
    religion: Final = 41
    mother_s_maiden_name: Final = 42
    nationality: Final = 43
    nationality_code: Final = 43
    ethnic_group: Final = 44
    contact_person_s_name: Final = 45
    contact_person_s_telephone_number: Final = 46
    contact_reason: Final = 47
    contact_relationship: Final = 48
    contact_relationship_code: Final = 48
    job_title: Final = 49
    job_code_class: Final = 50
    guarantor_employer_s_organization_name: Final = 51
    handicap: Final = 52
    job_status: Final = 53
    guarantor_financial_class: Final = 54
    guarantor_race: Final = 55
    guarantor_birth_place: Final = 56
    vip_indicator: Final = 57

class HD:
    namespace_id: Final = 1
    universal_id: Final = 2
    universal_id_type: Final = 3

class ICD:
    certification_patient_type: Final = 1
    certification_required: Final = 2
    date_time_certification_required: Final = 3

class IN1:
    set_id_in1: Final = 1
    set_id_insurance: Final = 1
    health_plan_id: Final = 2
    insurance_plan_id: Final = 2
    insurance_company_id: Final = 3
    insurance_company_name: Final = 4
    insurance_company_address: Final = 5
    insurance_co_contact_person: Final = 6
    insurance_co_contact_ppers: Final = 6
    insurance_company_contact_pers: Final = 6
    insurance_co_phone_number: Final = 7
    insurance_company_phone_number: Final = 7
    group_number: Final = 8
    group_name: Final = 9
    insured_s_group_emp_id: Final = 10
    insured_s_group_employer_id: Final = 10
    insured_s_group_emp_name: Final = 11
    insured_s_group_employer_name: Final = 11
    plan_effective_date: Final = 12
    plan_expiration_date: Final = 13
    authorization_information: Final = 14
    plan_type: Final = 15
    name_of_insured: Final = 16
    insured_s_relationship_to_patient: Final = 17
    insured_s_date_of_birth: Final = 18
    insured_s_address: Final = 19
    assignment_of_benefits: Final = 20
    coordination_of_benefits: Final = 21
    coord_of_ben_priority: Final = 22
    coordination_of_benefits_priority: Final = 22
    notice_of_admission_flag: Final = 23
    notice_of_admission_code: Final = 23
    notice_of_admission_date: Final = 24
    report_of_eligibility_flag: Final = 25
    rpt_of_eigibility_code: Final = 25
    report_of_eligibility_code: Final = 25
    report_of_eligibility_date: Final = 26
    rpt_of_eligibility_date: Final = 26
    release_information_code: Final = 27
    pre_admit_cert_pac: Final = 28
    pre_admit_certification_pac: Final = 28
    verification_date_time: Final = 29
    verification_date: Final = 29
    verification_by: Final = 30
    type_of_agreement_code: Final = 31
    billing_status: Final = 32
    lifetime_reserve_days: Final = 33
    delay_before_l_r_day: Final = 34
    delay_before_lifetime_reserve_days: Final = 34
    company_plan_code: Final = 35
    policy_number: Final = 36
    policy_deductible: Final = 37
    policy_limit_amount: Final = 38
    policy_limit_days: Final = 39
    room_rate_semi_private: Final = 40
    room_rate_private: Final = 41
    insured_s_employment_status: Final = 42
    insured_s_administrative_sex: Final = 43
    insured_s_sex: Final = 43
    insured_s_employer_s_address: Final = 44
    insured_s_employer_address: Final = 44
    verification_status: Final = 45
    prior_insurance_plan_id: Final = 46
    coverage_type: Final = 47
    handicap: Final = 48
    insured_s_id_number: Final = 49
    signature_code: Final = 50
    signature_code_date: Final = 51
    insured_s_birth_place: Final = 52
    vip_indicator: Final = 53
    external_health_plan_identifiers: Final = 54
    insurance_action_code: Final = 55

class IN2:
    insured_s_employee_id: Final = 1
    insured_s_social_security_number: Final = 2
    insured_s_employer_s_name_and_id: Final = 3
    insured_s_employer_name: Final = 3
    employer_information_data: Final = 4
    mail_claim_party: Final = 5
    medicare_health_ins_card_number: Final = 6
    medicare_health_insurance_card_number: Final = 6
    medicaid_case_name: Final = 7
    medicaid_case_number: Final = 8
    military_sponsor_name: Final = 9
    champus_sponsor_name: Final = 9
    military_id_number: Final = 10
    champus_id_number: Final = 10
    dependent_of_military_recipient: Final = 11
    dependent_of_champus_recipient: Final = 11
    military_organization: Final = 12
    champus_organization: Final = 12
    military_station: Final = 13
    champus_station: Final = 13
    military_service: Final = 14
    champus_service: Final = 14
    military_rank_grade: Final = 15
    champus_rank_grade: Final = 15
    military_status: Final = 16
    champus_status: Final = 16
    military_retire_date: Final = 17
    champus_retire_date: Final = 17
    military_non_avail_cert_on_file: Final = 18
    champus_non_avail_cert_on_file: Final = 18
    champus_non_availability_certification_on_file: Final = 18
    baby_coverage: Final = 19
    combine_baby_bill: Final = 20
    blood_deductible: Final = 21
    special_coverage_approval_name: Final = 22
    special_coverage_approval_title: Final = 23
    non_covered_insurance_code: Final = 24
    payor_id: Final = 25
    payor_subscriber_id: Final = 26
    eligibility_source: Final = 27
    room_coverage_type_amount: Final = 28
    policy_type_amount: Final = 29
    daily_deductible: Final = 30
    living_dependency: Final = 31
    ambulatory_status: Final = 32
    citizenship: Final = 33
    primary_language: Final = 34
    living_arrangement: Final = 35
    publicity_code: Final = 36
    publicity_indicator: Final = 36
    protection_indicator: Final = 37
    student_indicator: Final = 38
    religion: Final = 39
    mother_s_maiden_name: Final = 40
    nationality: Final = 41
    nationality_code: Final = 41
    ethnic_group: Final = 42
    marital_status: Final = 43
    insured_s_employment_start_date: Final = 44
    employment_start_date: Final = 44
    employment_stop_date: Final = 45
    job_title: Final = 46
    job_code_class: Final = 47
    job_status: Final = 48
    employer_contact_person_name: Final = 49
    employer_contact_person_phone_number: Final = 50
    employer_contact_reason: Final = 51
    insured_s_contact_person_s_name: Final = 52
    insured_s_contact_person_phone_number: Final = 53
    insured_s_contact_person_telephone_number: Final = 53
    insured_s_contact_person_reason: Final = 54
    relationship_to_the_patient_start_date: Final = 55
    relationship_to_the_patient_stop_date: Final = 56
    insurance_co_contact_reason: Final = 57
    insurance_co_contact_phone_number: Final = 58
    policy_scope: Final = 59
    policy_source: Final = 60
    patient_member_number: Final = 61
    guarantor_s_relationship_to_insured: Final = 62
    insured_s_phone_number_home: Final = 63
    insured_s_telephone_number_home: Final = 63
    insured_s_employer_phone_number: Final = 64
    insured_s_employer_telephone_number: Final = 64
    military_handicapped_program: Final = 65
    suspend_flag: Final = 66
    copay_limit_flag: Final = 67
    co_pay_limit_flag: Final = 67
    stoploss_limit_flag: Final = 68
    insured_organization_name_and_id: Final = 69
    insured_employer_organization_name_and_id: Final = 70
    race: Final = 71
    patient_s_relationship_to_insured: Final = 72
    cms_patient_s_relationship_to_insured: Final = 72
    hcfa_patient_s_relationship_to_insured: Final = 72
    patient_relationship_to_insured: Final = 72

class IN3:
    set_id_in3: Final = 1
    set_id_insurance_certification: Final = 1
    certification_number: Final = 2
    certified_by: Final = 3
    certification_required: Final = 4
    penalty: Final = 5
    certification_date_time: Final = 6
    certification_modify_date_time: Final = 7
    operator: Final = 8
    certification_begin_date: Final = 9
    certification_end_date: Final = 10
    days: Final = 11
    non_concur_code_description: Final = 12
    non_concur_effective_date_time: Final = 13
    physician_reviewer: Final = 14
    certification_contact: Final = 15
    certification_contact_phone_number: Final = 16
    appeal_reason: Final = 17
    certification_agency: Final = 18
    certification_agency_phone_number: Final = 19
    pre_certification_requirement: Final = 20
    pre_certification_req_window: Final = 20
    pre_certification_required_window: Final = 20
    case_manager: Final = 21
    second_opinion_date: Final = 22
    second_opinion_status: Final = 23
    second_opinion_documentation_received: Final = 24
    second_opinion_physician: Final = 25
    second_opinion_practitioner: Final = 25
    certification_type: Final = 26
    certification_category: Final = 27

class JCC:
    job_code: Final = 1
    job_class: Final = 2
    job_description_text: Final = 3

class MO:
    quantity: Final = 1
    denomination: Final = 2

class MOC:
    monetary_amount: Final = 1
    dollar_amount: Final = 1
    charge_code: Final = 2

class MOP:
    money_or_percentage_indicator: Final = 1
    money_or_percentage_quantity: Final = 2
    monetary_denomination: Final = 3
    currency_denomination: Final = 3

class MRG:
    prior_patient_identifier_list: Final = 1
    prior_patient_id_internal: Final = 1
    prior_alternate_patient_id: Final = 2
    prior_patient_account_number: Final = 3
    prior_patient_id: Final = 4
    prior_patient_id_external: Final = 4
    prior_visit_number: Final = 5
    prior_alternate_visit_id: Final = 6
    prior_patient_name: Final = 7

class MSA:
    acknowledgment_code: Final = 1
    acknowledgement_code: Final = 1
    message_control_id: Final = 2
    text_message: Final = 3
    expected_sequence_number: Final = 4
    delayed_acknowledgment_type: Final = 5
    delayed_aknowledgement_type: Final = 5
    delayed_acknowledgement_type: Final = 5
    error_condition: Final = 6
    message_waiting_number: Final = 7
    message_waiting_priority: Final = 8

class MSG:
    message_code: Final = 1
    message_type: Final = 1
    trigger_event: Final = 2
    message_structure: Final = 3

class MSH:
    field_separator: Final = 1
    encoding_characters: Final = 2
    sending_application: Final = 3
    sending_facility: Final = 4
    receiving_application: Final = 5
    receiving_facility: Final = 6
    date_time_of_message: Final = 7
    security: Final = 8
    message_type: Final = 9
    message_control_id: Final = 10
    processing_id: Final = 11
    version_id: Final = 12
    sequence_number: Final = 13
    continuation_pointer: Final = 14
    accept_acknowledgment_type: Final = 15
    accept_acknowledgement_type: Final = 15
    application_acknowledgment_type: Final = 16
    application_acknowledgement_type: Final = 16
    country_code: Final = 17
    character_set: Final = 18
    principal_language_of_message: Final = 19
    alternate_character_set_handling_scheme: Final = 20
    message_profile_identifier: Final = 21
    conformance_statement_id: Final = 21
    sending_responsible_organization: Final = 22
    receiving_responsible_organization: Final = 23
    sending_network_address: Final = 24
    receiving_network_address: Final = 25

class NDL:
    name: Final = 1
    start_date_time: Final = 2
    end_date_time: Final = 3
    point_of_care: Final = 4
    point_of_care_is: Final = 4
    room: Final = 5
    bed: Final = 6
    facility: Final = 7
    facility_hd: Final = 7
    location_status: Final = 8
    patient_location_type: Final = 9
    person_location_type: Final = 9
    building: Final = 10
    floor: Final = 11

class NK1:
    set_id_nk1: Final = 1
    set_id_next_of_kin: Final = 1
    name: Final = 2
    next_of_kin_name: Final = 2
    relationship: Final = 3
    next_of_kin_relationship: Final = 3
    address: Final = 4
    next_of_kin_address: Final = 4
    phone_number: Final = 5
    next_of_kin_phone_number: Final = 5
    business_phone_number: Final = 6
    contact_role: Final = 7
    start_date: Final = 8
    end_date: Final = 9
    next_of_kin_associated_parties_job_title: Final = 10
    next_of_kin: Final = 10
    next_of_kin_associated_parties_job_code_class: Final = 11
    next_of_kin_job_associated_parties_code_class: Final = 11
    next_of_kin_job_code_class: Final = 11
    next_of_kin_associated_parties_employee_number: Final = 12
    next_of_kin_employee_number: Final = 12
    organization_name_nk1: Final = 13
    organization_name: Final = 13
    marital_status: Final = 14
    administrative_sex: Final = 15
    sex: Final = 15
    date_time_of_birth: Final = 16
    date_of_birth: Final = 16
    living_dependency: Final = 17
    ambulatory_status: Final = 18
    citizenship: Final = 19
    primary_language: Final = 20
    living_arrangement: Final = 21
    publicity_code: Final = 22
    publicity_indicator: Final = 22
    protection_indicator: Final = 23
    student_indicator: Final = 24
    religion: Final = 25
    mother_s_maiden_name: Final = 26
    nationality: Final = 27
    nationality_code: Final = 27
    ethnic_group: Final = 28
    contact_reason: Final = 29
    contact_person_s_name: Final = 30
    contact_person_s_telephone_number: Final = 31
    contact_person_s_address: Final = 32
    next_of_kin_associated_party_s_identifiers: Final = 33
    associated_party_s_identifiers: Final = 33
    job_status: Final = 34
    race: Final = 35
    handicap: Final = 36
    contact_person_social_security_number: Final = 37
    next_of_kin_birth_place: Final = 38
    vip_indicator: Final = 39
    next_of_kin_telecommunication_information: Final = 40
    contact_person_s_telecommunication_information: Final = 41

class NTE:
    set_id_nte: Final = 1
    set_id_notes_and_comments: Final = 1
    source_of_comment: Final = 2
    comment: Final = 3
    comment_type: Final = 4
    entered_by: Final = 5
    entered_date_time: Final = 6
    effective_start_date: Final = 7
    expiration_date: Final = 8

class OBR:
    set_id_obr: Final = 1
    set_id_observation_request: Final = 1
    placer_order_number: Final = 2
    filler_order_number: Final = 3
    universal_service_identifier: Final = 4
    universal_service_id: Final = 4
    priority: Final = 5
    priority_obr: Final = 5
    priority___obr: Final = 5
    priority_not_used: Final = 5
    requested_date_time: Final = 6
    requested_date_time_not_used: Final = 6
    observation_date_time: Final = 7
    observation_end_date_time: Final = 8
    collection_volume: Final = 9
    collector_identifier: Final = 10
    specimen_action_code: Final = 11
    danger_code: Final = 12
    relevant_clinical_information: Final = 13
    relevant_clinical_info: Final = 13
    specimen_received_date_time: Final = 14
    speciment_source: Final = 15
    specimen_source: Final = 15
    ordering_provider: Final = 16
    order_callback_phone_number: Final = 17
    placer_field_1: Final = 18
    placers_field_1: Final = 18
    placer_field_2: Final = 19
    placers_field_2: Final = 19
    filler_field_1: Final = 20
    fillers_field_1: Final = 20
    filler_field_2: Final = 21
    fillers_field_2: Final = 21
    results_rpt_status_chng_date_time: Final = 22
    results_report_status_change_date_time: Final = 22
    charge_to_practice: Final = 23
    diagnostic_serv_sect_id: Final = 24
    diagnostic_service_section_id: Final = 24
    result_status: Final = 25
    parent_result: Final = 26
    linked_result: Final = 26
    quantity_timing: Final = 27
    result_copies_to: Final = 28
    parent_results_observation_identifier: Final = 29
    parent_result_observation_identifier: Final = 29
    parent: Final = 29
    parent_number: Final = 29
    parent_accession: Final = 29
    transportation_mode: Final = 30
    reason_for_study: Final = 31
    principal_result_interpreter: Final = 32
    assistant_result_interpreter: Final = 33
    technician: Final = 34
    transcriptionist: Final = 35
    scheduled_date_time: Final = 36
    number_of_sample_containers: Final = 37
    transport_logistics_of_collected_sample: Final = 38
    collector_s_comment: Final = 39
    transport_arrangement_responsibility: Final = 40
    transport_arranged: Final = 41
    escort_required: Final = 42
    planned_patient_transport_comment: Final = 43
    procedure_code: Final = 44
    procedure_code_modifier: Final = 45
    placer_supplemental_service_information: Final = 46
    filler_supplemental_service_information: Final = 47
    medically_necessary_duplicate_procedure_reason: Final = 48
    result_handling: Final = 49
    parent_universal_service_identifier: Final = 50
    observation_group_id: Final = 51
    parent_observation_group_id: Final = 52
    alternate_placer_order_number: Final = 53
    parent_order: Final = 54

class OBX:
    set_id_obx: Final = 1
    set_id_observational_simple: Final = 1
    value_type: Final = 2
    observation_identifier: Final = 3
    observation_sub_id: Final = 4
    observation_value: Final = 5
    observation_results: Final = 5
    units: Final = 6
    references_range: Final = 7
    interpretation_codes: Final = 8
    abnormal_flags: Final = 8
    probability: Final = 9
    nature_of_abnormal_test: Final = 10
    observation_result_status: Final = 11
    observ_result_status: Final = 11
    effective_date_of_reference_range: Final = 12
    effective_date_of_reference_range_values: Final = 12
    date_last_observation_normal_value: Final = 12
    date_last_obs_normal_values: Final = 12
    effective_date_last_observation_normal_values: Final = 12
    user_defined_access_checks: Final = 13
    date_time_of_the_observation: Final = 14
    producer_s_id: Final = 15
    producer_s_reference: Final = 15
    responsible_observer: Final = 16
    observation_method: Final = 17
    equipment_instance_identifier: Final = 18
    date_time_of_the_analysis: Final = 19
    observation_site: Final = 20
    observation_instance_identifier: Final = 21
    mood_code: Final = 22
    performing_organization_name: Final = 23
    performing_organization_address: Final = 24
    performing_organization_medical_director: Final = 25
    patient_results_release_category: Final = 26
    root_cause: Final = 27
    local_process_control: Final = 28
    observation_type: Final = 29
    observation_sub_type: Final = 30

class OCD:
    occurrence_code: Final = 1
    occurrence_date: Final = 2

class OG:
    original_sub_identifier: Final = 1
    group: Final = 2
    sequence: Final = 3
    identifier: Final = 4

class ORC:
    order_control: Final = 1
    placer_order_number: Final = 2
    filler_order_number: Final = 3
    placer_group_number: Final = 4
    order_status: Final = 5
    response_flag: Final = 6
    quantity_timing: Final = 7
    timing_quantity: Final = 7
    parent_order: Final = 8
    parent: Final = 8
    date_time_of_transaction: Final = 9
    entered_by: Final = 10
    verified_by: Final = 11
    ordering_provider: Final = 12
    enterer_s_location: Final = 13
    call_back_phone_number: Final = 14
    order_effective_date_time: Final = 15
    order_control_code_reason: Final = 16
    entering_organization: Final = 17
    entering_device: Final = 18
    action_by: Final = 19
    advanced_beneficiary_notice_code: Final = 20
    ordering_facility_name: Final = 21
    ordering_facility_address: Final = 22
    ordering_facility_phone_number: Final = 23
    ordering_provider_address: Final = 24
    order_status_modifier: Final = 25
    advanced_beneficiary_notice_override_reason: Final = 26
    filler_s_expected_availability_date_time: Final = 27
    confidentiality_code: Final = 28
    order_type: Final = 29
    enterer_authorization_mode: Final = 30
    parent_universal_service_identifier: Final = 31
    advanced_beneficiary_notice_date: Final = 32
    alternate_placer_order_number: Final = 33
    order_workflow_profile: Final = 34

class OSD:
    sequence_results_flag: Final = 1
    placer_order_number_entity_identifier: Final = 2
    placer_order_number_namespace_id: Final = 3
    filler_order_number_entity_identifier: Final = 4
    filler_order_number_namespace_id: Final = 5
    sequence_condition_value: Final = 6
    maximum_number_of_repeats: Final = 7
    placer_order_number_universal_id: Final = 8
    placer_order_number_universal_id_type: Final = 9
    filler_order_number_universal_id: Final = 10
    filler_order_number_universal_id_type: Final = 11

class OSP:
    occurrence_span_code: Final = 1
    occurrence_span_start_date: Final = 2
    occurrence_span_stop_date: Final = 3

class PCF:
    pre_certification_patient_type: Final = 1
    pre_certification_required: Final = 2
    pre_certification_window: Final = 3

class PD1:
    living_dependency: Final = 1
    living_arrangement: Final = 2
    patient_primary_facility: Final = 3
    patient_primary_care_provider_name_and_id_no: Final = 4
    patient_primary_care_provider_name_idno: Final = 4
    patient_primary_care_provider_name_id_no: Final = 4
    student_indicator: Final = 5
    handicap: Final = 6
    living_will_code: Final = 7
    living_will: Final = 7
    organ_donor_code: Final = 8
    organ_donor: Final = 8
    separate_bill: Final = 9
    duplicate_patient: Final = 10
    publicity_code: Final = 11
    publicity_indicator: Final = 11
    protection_indicator: Final = 12
    protection_indicator_effective_date: Final = 13
    place_of_worship: Final = 14
    advance_directive_code: Final = 15
    immunization_registry_status: Final = 16
    immunization_registry_status_effective_date: Final = 17
    publicity_code_effective_date: Final = 18
    military_branch: Final = 19
    military_rank_grade: Final = 20
    military_status: Final = 21
    advance_directive_last_verified_date: Final = 22

class PID:
    set_id_pid: Final = 1
    set_id_patient_id: Final = 1
    patient_id: Final = 2
    patient_id_external_id: Final = 2
    patient_identifier_list: Final = 3
    patient_id_internal_id: Final = 3
    alternate_patient_id: Final = 4
    alternate_patient_id_pid: Final = 4
    patient_name: Final = 5
    mother_s_maiden_name: Final = 6
    date_time_of_birth: Final = 7
    date_of_birth: Final = 7
    administrative_sex: Final = 8
    sex: Final = 8
    patient_alias: Final = 9
    race: Final = 10
    patient_address: Final = 11
    county_code: Final = 12
    phone_number_home: Final = 13
    phone_number_business: Final = 14
    primary_language: Final = 15
    language_patient: Final = 15
    marital_status: Final = 16
    religion: Final = 17
    patient_account_number: Final = 18
    ssn_number: Final = 19
    ssn_number_patient: Final = 19
    social_security_number_patient: Final = 19
    drivers_license_number: Final = 20
    driver_s_license_number_patient: Final = 20
    driver_s_license_number: Final = 20
    mother_s_identifier: Final = 21
    ethnic_group: Final = 22
    birth_place: Final = 23
    multiple_birth_indicator: Final = 24
    birth_order: Final = 25
    citizenship: Final = 26
    veterans_military_status: Final = 27
    nationality: Final = 28
    nationality_code: Final = 28
    patient_death_date_and_time: Final = 29
    patient_death_indicator: Final = 30
    identity_unknown_indicator: Final = 31
    identity_reliability_code: Final = 32
    last_update_date_time: Final = 33
    last_update_facility: Final = 34
    taxonomic_classification_code: Final = 35
    species_code: Final = 35
    breed_code: Final = 36
    strain: Final = 37
    production_class_code: Final = 38
    tribal_citizenship: Final = 39
    patient_telecommunication_information: Final = 40

class PL:
    point_of_care: Final = 1
    point_of_care_id: Final = 1
    room: Final = 2
    bed: Final = 3
    facility: Final = 4
    facility_hd: Final = 4
    location_status: Final = 5
    person_location_type: Final = 6
    building: Final = 7
    floor: Final = 8
    location_description: Final = 9
    location_type: Final = 9
    comprehensive_location_identifier: Final = 10
    assigning_authority_for_location: Final = 11

class PN:
    family_name: Final = 1
    family_last_name: Final = 1
    familiy_name: Final = 1
    family: Final = 1
    family_last: Final = 1
    familiy: Final = 1
    given_name: Final = 2
    given: Final = 2
    second_and_further_given_names_or_initials_thereof: Final = 3
    middle_initial_or_name: Final = 3
    middle_initial_or: Final = 3
    suffix_e_g_jr_or_iii: Final = 4
    suffix: Final = 4
    prefix_e_g_dr: Final = 5
    prefix: Final = 5
    degree_e_g_md: Final = 6
    degree: Final = 6

class PR1:
    set_id_pr1: Final = 1
    set_id_procedure: Final = 1
    procedure_coding_method: Final = 2
    procedure_code: Final = 3
    procedure_description: Final = 4
    procedure_date_time: Final = 5
    procedure_functional_type: Final = 6
    procedure_type: Final = 6
    procedure_minutes: Final = 7
    anesthesiologist: Final = 8
    anesthesia_code: Final = 9
    anesthesia_minutes: Final = 10
    surgeon: Final = 11
    procedure_practitioner: Final = 12
    resident_code: Final = 12
    consent_code: Final = 13
    procedure_priority: Final = 14
    associated_diagnosis_code: Final = 15
    procedure_code_modifier: Final = 16
    procedure_drg_type: Final = 17
    tissue_type_code: Final = 18
    procedure_identifier: Final = 19
    procedure_action_code: Final = 20
    drg_procedure_determination_status: Final = 21
    drg_procedure_relevance: Final = 22
    treating_organizational_unit: Final = 23
    respiratory_within_surgery: Final = 24
    parent_procedure_id: Final = 25

class PRL:
    parent_observation_identifier: Final = 1
    obx_3_observation_identifier_of_parent_result: Final = 1
    parent_observation_sub_identifier: Final = 2
    obx_4_sub_id_of_parent_result: Final = 2
    parent_observation_value_descriptor: Final = 3
    part_of_obx_5_observation_result_from_parent: Final = 3

class PT:
    processing_id: Final = 1
    processing_mode: Final = 2

class PTA:
    policy_type: Final = 1
    amount_class: Final = 2
    money_or_percentage_quantity: Final = 3
    amount: Final = 3
    money_or_percentage: Final = 4

class PV1:
    set_id_pv1: Final = 1
    set_id_patient_visit: Final = 1
    patient_class: Final = 2
    assigned_patient_location: Final = 3
    admission_type: Final = 4
    preadmit_number: Final = 5
    prior_patient_location: Final = 6
    attending_doctor: Final = 7
    referring_doctor: Final = 8
    consulting_doctor: Final = 9
    hospital_service: Final = 10
    temporary_location: Final = 11
    preadmit_test_indicator: Final = 12
    re_admission_indicator: Final = 13
    readmission_indicator: Final = 13
    admit_source: Final = 14
    ambulatory_status: Final = 15
    vip_indicator: Final = 16
    admitting_doctor: Final = 17
    patient_type: Final = 18
    visit_number: Final = 19
    financial_class: Final = 20
    charge_price_indicator: Final = 21
    courtesy_code: Final = 22
    credit_rating: Final = 23
    contract_code: Final = 24
    contract_effective_date: Final = 25
    contract_amount: Final = 26
    contract_period: Final = 27
    interest_code: Final = 28
    transfer_to_bad_debt_code: Final = 29
    transfer_to_bad_debt_date: Final = 30
    bad_debt_agency_code: Final = 31
    bad_debt_transfer_amount: Final = 32
    bad_debt_recovery_amount: Final = 33
    delete_account_indicator: Final = 34
    delete_account_date: Final = 35
    discharge_disposition: Final = 36
    discharged_to_location: Final = 37
    diet_type: Final = 38
    servicing_facility: Final = 39
    bed_status: Final = 40
    account_status: Final = 41
    pending_location: Final = 42
    prior_temporary_location: Final = 43
    admit_date_time: Final = 44
    discharge_date_time: Final = 45
    current_patient_balance: Final = 46
    total_charges: Final = 47
    total_adjustments: Final = 48
    total_payments: Final = 49
    alternate_visit_id: Final = 50
    visit_indicator: Final = 51
    other_healthcare_provider: Final = 52
    service_episode_description: Final = 53
    service_episode_identifier: Final = 54

class PV2:
    prior_pending_location: Final = 1
    accommodation_code: Final = 2
    admit_reason: Final = 3
    transfer_reason: Final = 4
    patient_valuables: Final = 5
    patient_valuables_location: Final = 6
    visit_user_code: Final = 7
    expected_admit_date_time: Final = 8
    expected_admit_date: Final = 8
    expected_discharge_date_time: Final = 9
    expected_discharge_date: Final = 9
    estimated_length_of_inpatient_stay: Final = 10
    actual_length_of_inpatient_stay: Final = 11
    visit_description: Final = 12
    referral_source_code: Final = 13
    previous_service_date: Final = 14
    employment_illness_related_indicator: Final = 15
    purge_status_code: Final = 16
    purge_status_date: Final = 17
    special_program_code: Final = 18
    retention_indicator: Final = 19
    expected_number_of_insurance_plans: Final = 20
    visit_publicity_code: Final = 21
    visit_protection_indicator: Final = 22
    clinic_organization_name: Final = 23
    patient_status_code: Final = 24
    visit_priority_code: Final = 25
    previous_treatment_date: Final = 26
    expected_discharge_disposition: Final = 27
    signature_on_file_date: Final = 28
    first_similar_illness_date: Final = 29
    patient_charge_adjustment_code: Final = 30
    recurring_service_code: Final = 31
    billing_media_code: Final = 32
    expected_surgery_date_and_time: Final = 33
    expected_surgery_date_time: Final = 33
    military_partnership_code: Final = 34
    military_non_availability_code: Final = 35
    military_non_availabiltiy_code: Final = 35
    newborn_baby_indicator: Final = 36
    baby_detained_indicator: Final = 37
    mode_of_arrival_code: Final = 38
    recreational_drug_use_code: Final = 39
    admission_level_of_care_code: Final = 40
    precaution_code: Final = 41
    patient_condition_code: Final = 42
    living_will_code: Final = 43
    organ_donor_code: Final = 44
    advance_directive_code: Final = 45
    patient_status_effective_date: Final = 46
    expected_loa_return_date_time: Final = 47
    expected_pre_admission_testing_date_time: Final = 48
    notify_clergy_code: Final = 49
    advance_directive_last_verified_date: Final = 50

class RGS:
    set_id_rgs: Final = 1
    segment_action_code: Final = 2
    resource_group_id: Final = 3

class RI:
    repeat_pattern: Final = 1
    explicit_time_interval: Final = 2
    explicit_time_intevall: Final = 2

class RMC:
    room_type: Final = 1
    amount_type: Final = 2
    coverage_amount: Final = 3
    money_or_percentage: Final = 4

class ROL:
    role_instance_id: Final = 1
    action_code: Final = 2
    role_rol: Final = 3
    role: Final = 3
    role_person: Final = 4
    role_begin_date_time: Final = 5
    role_end_date_time: Final = 6
    role_duration: Final = 7
    role_action_reason: Final = 8
    role_action_assumption_reason: Final = 8
    provider_type: Final = 9
    organization_unit_type: Final = 10
    organization_unit_type_rol: Final = 10
    office_home_address_birthplace: Final = 11
    office_home_address: Final = 11
    phone: Final = 12
    person_s_location: Final = 13
    organization: Final = 14

class RPT:
    repeat_pattern_code: Final = 1
    calendar_alignment: Final = 2
    phase_range_begin_value: Final = 3
    phase_range_end_value: Final = 4
    period_quantity: Final = 5
    period_units: Final = 6
    institution_specified_time: Final = 7
    event: Final = 8
    event_offset_quantity: Final = 9
    event_offset_units: Final = 10
    general_timing_specification: Final = 11

class SAD:
    street_or_mailing_address: Final = 1
    street_name: Final = 2
    street: Final = 2
    dwelling_number: Final = 3

class SCH:
    placer_appointment_id: Final = 1
    filler_appointment_id: Final = 2
    occurrence_number: Final = 3
    placer_group_number: Final = 4
    schedule_id: Final = 5
    event_reason: Final = 6
    appointment_reason: Final = 7
    appointment_type: Final = 8
    appointment_duration: Final = 9
    appointment_duration_units: Final = 10
    appointment_timing_quantity: Final = 11
    placer_contact_person: Final = 12
    placer_contact_phone_number: Final = 13
    placer_contact_address: Final = 14
    placer_contact_location: Final = 15
    filler_contact_person: Final = 16
    filler_contact_phone_number: Final = 17
    filler_contact_address: Final = 18
    filler_contact_location: Final = 19
    entered_by_person: Final = 20
    entered_by_phone_number: Final = 21
    entered_by_location: Final = 22
    parent_placer_appointment_id: Final = 23
    parent_filler_appointment_id: Final = 24
    filler_status_code: Final = 25
    placer_order_number: Final = 26
    filler_order_number: Final = 27

class SPS:
    specimen_source_name_or_code: Final = 1
    additives: Final = 2
    specimen_collection_method: Final = 3
    freetext: Final = 3
    body_site: Final = 4
    site_modifier: Final = 5
    collection_method_modifier_code: Final = 6
    collection_modifier_method_code: Final = 6
    specimen_role: Final = 7

class TQ:
    quantity: Final = 1
    interval: Final = 2
    duration: Final = 3
    start_date_time: Final = 4
    end_date_time: Final = 5
    priority: Final = 6
    condition: Final = 7
    text: Final = 8
    text_tx: Final = 8
    conjunction: Final = 9
    conjunction_component: Final = 9
    order_sequencing: Final = 10
    occurrence_duration: Final = 11
    total_occurrences: Final = 12
    total_occurences: Final = 12

class TQ1:
    set_id_tq1: Final = 1
    quantity: Final = 2
    repeat_pattern: Final = 3
    explicit_time: Final = 4
    relative_time_and_units: Final = 5
    service_duration: Final = 6
    start_date_time: Final = 7
    end_date_time: Final = 8
    priority: Final = 9
    condition_text: Final = 10
    text_instruction: Final = 11
    conjunction: Final = 12
    occurrence_duration: Final = 13
    total_occurrences: Final = 14
    total_occurrence_s: Final = 14

class TS:
    time: Final = 1
    time_of_an_event: Final = 1
    time_of_event: Final = 1
    degree_of_precision: Final = 2

class UB1:
    set_id_ub1: Final = 1
    set_id_ub82: Final = 1
    blood_deductible: Final = 2
    blood_deductible_43: Final = 2
    blood_furnished_pints: Final = 3
    blood_furnished_pints_of_40: Final = 3
    blood_replaced_pints: Final = 4
    blood_replaced_pints_41: Final = 4
    blood_not_replaced_pints: Final = 5
    blood_not_replaced_pints_42: Final = 5
    co_insurance_days: Final = 6
    co_insurance_days_25: Final = 6
    condition_code: Final = 7
    condition_code_35_39: Final = 7
    covered_days: Final = 8
    covered_days_23: Final = 8
    non_covered_days: Final = 9
    non_covered_days_24: Final = 9
    value_amount_code: Final = 10
    value_amount_code_46_49: Final = 10
    value_amount_and_code_46_49: Final = 10
    number_of_grace_days: Final = 11
    number_of_grace_days_90: Final = 11
    special_program_indicator: Final = 12
    special_program_indicator_44: Final = 12
    spec_program_indicator_44: Final = 12
    psro_ur_approval_indicator: Final = 13
    psro_ur_approval_indicator_87: Final = 13
    psro_ur_approved_stay_fm: Final = 14
    psro_ur_approved_stay_fm_88: Final = 14
    psro_ur_approved_stay_from_88: Final = 14
    psro_ur_approved_stay_to: Final = 15
    psro_ur_approved_stay_to_89: Final = 15
    occurrence: Final = 16
    occurrence_28_32: Final = 16
    occurrence_span: Final = 17
    occurrence_span_33: Final = 17
    occur_span_start_date: Final = 18
    occur_span_start_date_33: Final = 18
    occurrence_span_start_date_33: Final = 18
    occur_span_end_date: Final = 19
    occur_span_end_date_33: Final = 19
    occurrence_span_end_date_33: Final = 19
    ub_82_locator_2: Final = 20
    ub_82_locator_9: Final = 21
    ub_82_locator_27: Final = 22
    ub_82_locator_45: Final = 23

class UB2:
    set_id_ub2: Final = 1
    set_id_ub92: Final = 1
    co_insurance_days_9: Final = 2
    condition_code_24_30: Final = 3
    covered_days_7: Final = 4
    non_covered_days_8: Final = 5
    value_amount_code_39_41: Final = 6
    value_amount_code: Final = 6
    value_amount_and_code_39_41: Final = 6
    occurrence_code_date_32_35: Final = 7
    occurrence_code_and_date_32_35: Final = 7
    occurrence_span_code_dates_36: Final = 8
    uniform_billing_locator_2_state: Final = 9
    ub92_locator_2_state: Final = 9
    uniform_billing_locator_11_state: Final = 10
    uniform_billing_11_state: Final = 10
    ub92_locator_11_state: Final = 10
    uniform_billing_locator_31_national: Final = 11
    uniform_billing_31_national: Final = 11
    ub92_locator_31_national: Final = 11
    document_control_number: Final = 12
    document_control_number_37: Final = 12
    uniform_billing_locator_49_national: Final = 13
    uniform_billing_49_national: Final = 13
    ub92_locator_49_national: Final = 13
    uniform_billing_locator_56_state: Final = 14
    uniform_billing_56_state: Final = 14
    ub92_locator_56_state: Final = 14
    uniform_billing_locator_57_sational: Final = 15
    uniform_billing_57_national: Final = 15
    ub92_locator_57_national: Final = 15
    uniform_billing_locator_78_state: Final = 16
    uniform_billing_78_state: Final = 16
    ub92_locator_78_state: Final = 16
    special_visit_count: Final = 17

class UVC:
    value_code: Final = 1
    value_amount: Final = 2
    non_monetary_value_amount_quantity: Final = 3
    non_monetary_value_amount_units: Final = 4

class VID:
    version_id: Final = 1
    internationalization_code: Final = 2
    international_version_id: Final = 3

class XAD:
    street_address: Final = 1
    street_address_sad: Final = 1
    other_designation: Final = 2
    city: Final = 3
    state_or_province: Final = 4
    zip_or_postal_code: Final = 5
    country: Final = 6
    address_type: Final = 7
    other_geographic_designation: Final = 8
    county_parish_code: Final = 9
    census_tract: Final = 10
    address_representation_code: Final = 11
    address_validity_range: Final = 12
    effective_date: Final = 13
    expiration_date: Final = 14
    expiration_reason: Final = 15
    temporary_indicator: Final = 16
    bad_address_indicator: Final = 17
    address_usage: Final = 18
    addressee: Final = 19
    comment: Final = 20
    preference_order: Final = 21
    protection_code: Final = 22
    address_identifier: Final = 23

class XCN:
    person_identifier: Final = 1
    id_number: Final = 1
    id_number_st: Final = 1
    family_name: Final = 2
    family_last_name: Final = 2
    family: Final = 2
    family_last: Final = 2
    given_name: Final = 3
    given: Final = 3
    second_and_further_given_names_or_initials_thereof: Final = 4
    middle_initial_or_name: Final = 4
    middle_initial_or: Final = 4
    suffix_e_g_jr_or_iii: Final = 5
    prefix_e_g_dr: Final = 6
    degree_e_g_md: Final = 7
    source_table: Final = 8
    assigning_authority: Final = 9
    name_type_code: Final = 10
    name_type: Final = 10
    identifier_check_digit: Final = 11
    check_digit_scheme: Final = 12
    code_identifying_the_check_digit_scheme_employed: Final = 12
    identifier_type_code: Final = 13
    identifier_type_code_is: Final = 13
    assigning_facility: Final = 14
    assigning_facility_id: Final = 14
    name_representation_code: Final = 15
    name_context: Final = 16
    name_validity_range: Final = 17
    name_assembly_order: Final = 18
    effective_date: Final = 19
    expiration_date: Final = 20
    professional_suffix: Final = 21
    assigning_jurisdiction: Final = 22
    assigning_agency_or_department: Final = 23
    security_check: Final = 24
    security_check_scheme: Final = 25

class XON:
    organization_name: Final = 1
    organization: Final = 1
    organization_name_type_code: Final = 2
    id_number: Final = 3
    id_number_nm: Final = 3
    identifier_check_digit: Final = 4
    check_digit: Final = 4
    check_digit_nm: Final = 4
    check_digit_scheme: Final = 5
    code_identifying_the_check_digit_scheme_employed: Final = 5
    assigning_authority: Final = 6
    identifier_type_code: Final = 7
    identifier_type_code_is: Final = 7
    assigning_facility: Final = 8
    assigning_facility_id: Final = 8
    name_representation_code: Final = 9
    organization_identifier: Final = 10

class XPN:
    family_name: Final = 1
    family_last_name: Final = 1
    family: Final = 1
    family_last: Final = 1
    given_name: Final = 2
    given: Final = 2
    second_and_further_given_names_or_initials_thereof: Final = 3
    middle_initial_or_name: Final = 3
    middle_initial_or: Final = 3
    suffix_e_g_jr_or_iii: Final = 4
    prefix_e_g_dr: Final = 5
    degree_e_g_md: Final = 6
    degree: Final = 6
    name_type_code: Final = 7
    name_representation_code: Final = 8
    name_context: Final = 9
    name_validity_range: Final = 10
    name_assembly_order: Final = 11
    effective_date: Final = 12
    expiration_date: Final = 13
    professional_suffix: Final = 14
    called_by: Final = 15

class XTN:
    telephone_number: Final = 1
    telecommunication_use_code: Final = 2
    telecommunication_equipment_type: Final = 3
    telecommunication_equipment_type_id: Final = 3
    communication_address: Final = 4
    email_address: Final = 4
    country_code: Final = 5
    area_city_code: Final = 6
    local_number: Final = 7
    phone_number: Final = 7
    extension: Final = 8
    any_text: Final = 9
    extension_prefix: Final = 10
    speed_dial_code: Final = 11
    unformatted_telephone_number: Final = 12
    effective_start_date: Final = 13
    expiration_date: Final = 14
    expiration_reason: Final = 15
    protection_code: Final = 16
    shared_telecommunication_identifier: Final = 17
    preference_order: Final = 18
